import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  randomBytes,
  sign,
  verify,
  X509Certificate,
  type KeyObject,
} from 'node:crypto'
import {
  DerReader,
  TAG,
  der,
  derBitString,
  derBoolean,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derText,
  derTime,
  malformed,
  readOid,
  readText,
} from './der.ts'
import { derToPem, pemToDer } from './pem.ts'

/**
 * Certificates written by hand: signing is synchronous (`node:crypto`), the subject goes in as it is, and the whole is a page long.
 * RFC 5280; the choice of fields is Teleport's (wire/identity.md 2, 7, 8; lib/tlsca/ca.go).
 */

export type KeyAlgorithm = 'rsa-2048' | 'ecdsa-p256' | 'ed25519'

export interface KeyObjects {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** Makes a key off the main thread. */
export function newKeyPair(algorithm: KeyAlgorithm): Promise<KeyObjects> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, publicKey: KeyObject, privateKey: KeyObject): void => {
      if (error === null) resolve({ privateKey, publicKey })
      else reject(error)
    }
    if (algorithm === 'rsa-2048') generateKeyPair('rsa', { modulusLength: 2048 }, done)
    else if (algorithm === 'ecdsa-p256') generateKeyPair('ec', { namedCurve: 'P-256' }, done)
    else generateKeyPair('ed25519', {}, done)
  })
}

export const privateKeyPem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()
export const publicKeyPem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString()

/** A certificate's signer, read once and used for many. */
export interface CaSigner {
  readonly key: KeyObject
  /** PEM */
  readonly cert: string
  /** DER Name */
  readonly subject: Buffer
  readonly keyId: Buffer
}

export interface CertificateRequest {
  readonly ca: CaSigner
  /** DER Name, taken as it is. */
  readonly subject: Uint8Array
  readonly publicKey: KeyObject
  /** ms since 1970; the certificate starts 60 s earlier, for clocks that are late */
  readonly now: number
  /** ms since 1970 */
  readonly notAfter: number
  readonly dnsNames?: readonly string[]
  readonly ipAddresses?: readonly string[]
}

const OID = {
  ecdsaSha256: '1.2.840.10045.4.3.2',
  rsaSha256: '1.2.840.113549.1.1.11',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  serialNumber: '2.5.4.5',
} as const

function algorithmOf(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'ec') return derSequence(derOid(OID.ecdsaSha256))
  if (key.asymmetricKeyType === 'rsa') return derSequence(derOid(OID.rsaSha256), der(TAG.null))
  throw malformed(`a ${key.asymmetricKeyType} key cannot sign certificates here`)
}

const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' })

/** SHA-1 of the bits of the public key, as Go and OpenSSL do. RFC 5280 4.2.1.2 (1) */
function keyIdOf(spki: Buffer): Buffer {
  const reader = new DerReader(spki).enter(TAG.sequence)
  reader.next()
  return createHash('sha1').update(reader.expect(TAG.bitString).content.subarray(1)).digest()
}

const extension = (oid: string, critical: boolean, value: Buffer): Buffer =>
  critical ? derSequence(derOid(oid), derBoolean(true), derOctetString(value)) : derSequence(derOid(oid), derOctetString(value))

/** Bits of KeyUsage: digitalSignature, keyEncipherment (and certSign, cRLSign). */
const LEAF_USAGE = derBitString(Buffer.from([0xa0]), 5)
const CA_USAGE = derBitString(Buffer.from([0xa6]), 1)

function addressBytes(ip: string): Buffer {
  if (!ip.includes(':')) return Buffer.from(ip.split('.').map(Number))
  const [head = '', tail] = ip.split('%')[0]!.split('::')
  const groups = (part: string | undefined): number[] =>
    part === undefined || part === '' ? [] : part.split(':').map(group => parseInt(group, 16))
  const [left, right] = [groups(head), groups(tail)]
  const bytes = Buffer.alloc(16)
  left.forEach((group, at) => bytes.writeUInt16BE(group, at * 2))
  right.forEach((group, at) => bytes.writeUInt16BE(group, 16 - right.length * 2 + at * 2))
  return bytes
}

function subjectAltName(dnsNames: readonly string[], ipAddresses: readonly string[]): Buffer {
  return derSequence(...dnsNames.map(name => der(0x82, Buffer.from(name, 'latin1'))), ...ipAddresses.map(ip => der(0x87, addressBytes(ip))))
}

function signed(tbs: Buffer, key: KeyObject): Buffer {
  return derSequence(tbs, algorithmOf(key), derBitString(sign('sha256', tbs, key)))
}

interface TbsFields {
  readonly serial: Uint8Array
  readonly signer: KeyObject
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
  readonly spki: Uint8Array
  readonly extensions: readonly Buffer[]
}

function certificate(fields: TbsFields): string {
  const tbs = derSequence(
    der(0xa0, derInteger(Buffer.from([2]))),
    derInteger(fields.serial),
    algorithmOf(fields.signer),
    fields.issuer,
    derSequence(derTime(fields.notBefore), derTime(fields.notAfter)),
    fields.subject,
    fields.spki,
    der(0xa3, derSequence(...fields.extensions)),
  )
  return derToPem(signed(tbs, fields.signer), 'CERTIFICATE')
}

/** 128 random bits, never zero at the front, so that their length is always the same. */
function newSerial(): Buffer {
  const serial = randomBytes(16)
  serial[0] = (serial[0]! & 0x7f) | 0x40
  return serial
}

/** @returns PEM of a leaf that may be server and client */
export function issueCertificate(request: CertificateRequest): string {
  const { ca, dnsNames = [], ipAddresses = [] } = request
  const extensions = [
    extension(OID.keyUsage, true, LEAF_USAGE),
    extension(OID.extKeyUsage, false, derSequence(derOid(OID.serverAuth), derOid(OID.clientAuth))),
    extension(OID.basicConstraints, true, derSequence()),
    extension(OID.authorityKeyId, false, derSequence(der(0x80, ca.keyId))),
  ]
  if (dnsNames.length + ipAddresses.length > 0) extensions.push(extension(OID.subjectAltName, false, subjectAltName(dnsNames, ipAddresses)))
  return certificate({
    serial: newSerial(),
    signer: ca.key,
    issuer: ca.subject,
    subject: request.subject,
    notBefore: request.now - 60_000,
    notAfter: request.notAfter,
    spki: spkiOf(request.publicKey),
    extensions,
  })
}

/** A Name of plain attributes, one RDN each: `[['2.5.4.3', 'reader']]`. */
export function plainName(attributes: readonly (readonly [oid: string, value: string])[]): Buffer {
  return derSequence(...attributes.map(([oid, value]) => derSetOf(derSequence(derOid(oid), derText(value)))))
}

/** `CN=<name>` alone: what databases see. */
export const commonNameOnly = (name: string): Buffer => plainName([[OID.commonName, name]])

const TEN_YEARS_MS = 10 * 365 * 86_400_000

/** A CA as Teleport makes them: O = CN = cluster, and the serial as an attribute, so that two CAs of one cluster differ. @returns PEM */
export function selfSignedCa(cluster: string, keys: KeyObjects, now: number): string {
  const serial = newSerial()
  const subject = plainName([
    [OID.organization, cluster],
    [OID.commonName, cluster],
    [OID.serialNumber, BigInt(`0x${serial.toString('hex')}`).toString()],
  ])
  const spki = spkiOf(keys.publicKey)
  return certificate({
    serial,
    signer: keys.privateKey,
    issuer: subject,
    subject,
    notBefore: now - 60_000,
    notAfter: now + TEN_YEARS_MS,
    spki,
    extensions: [
      extension(OID.keyUsage, true, CA_USAGE),
      extension(OID.basicConstraints, true, derSequence(derBoolean(true))),
      extension(OID.subjectKeyId, false, derOctetString(keyIdOf(spki))),
    ],
  })
}

/** Reads a CA's certificate and key (PEM) for signing. */
export function openCaSigner(cert: string, key: string): CaSigner {
  const tbs = new DerReader(pemToDer(cert, 'CERTIFICATE')).enter(TAG.sequence).enter(TAG.sequence)
  tbs.optional(0xa0)
  for (const tag of [TAG.integer, TAG.sequence, TAG.sequence, TAG.sequence]) tbs.expect(tag)
  const subject = tbs.expect(TAG.sequence).whole
  return { key: createPrivateKey(key), cert, subject, keyId: keyIdOf(spkiOf(new X509Certificate(cert).publicKey)) }
}

/** SHA-256 over the SubjectPublicKeyInfo of a certificate, in the form of `--ca-pin`. wire/identity.md 9.2 */
export function caPin(cert: string): string {
  return `sha256:${createHash('sha256')
    .update(spkiOf(new X509Certificate(cert).publicKey))
    .digest('hex')}`
}

/** @returns PEM of a PKCS#10 request for `subject` (DER Name). RFC 2986 */
export function createCsr(subject: Uint8Array, keys: KeyObjects): string {
  const request = derSequence(derInteger(Buffer.from([0])), subject, spkiOf(keys.publicKey), der(0xa0))
  return derToPem(signed(request, keys.privateKey), 'CERTIFICATE REQUEST')
}

export interface Csr {
  /** DER Name */
  readonly subject: Buffer
  readonly commonName: string
  readonly publicKey: KeyObject
}

const SIGNATURE_HASHES: Readonly<Record<string, string>> = {
  [OID.ecdsaSha256]: 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  [OID.rsaSha256]: 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
}

/**
 * Reads a request and checks its signature: only the holder of the key can have asked.
 * @throws PorticoError wire/malformed
 */
export function readCsr(pem: string): Csr {
  const outer = new DerReader(pemToDer(pem, 'CERTIFICATE REQUEST')).enter(TAG.sequence)
  const request = outer.expect(TAG.sequence)
  const algorithm = readOid(outer.enter(TAG.sequence).expect(TAG.oid).content)
  const signature = outer.expect(TAG.bitString).content.subarray(1)
  const reader = new DerReader(request.content)
  reader.expect(TAG.integer)
  const subject = reader.expect(TAG.sequence)
  const spki = reader.expect(TAG.sequence).whole
  let publicKey: KeyObject
  try {
    publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    throw malformed('the public key of a certificate request cannot be read')
  }
  const hash = SIGNATURE_HASHES[algorithm]
  if (hash === undefined || !verify(hash, request.whole, publicKey, signature))
    throw malformed('the signature of a certificate request is wrong')
  return { subject: subject.whole, commonName: commonNameOf(subject.content), publicKey }
}

function commonNameOf(name: Buffer): string {
  let found = ''
  for (const rdns = new DerReader(name); !rdns.done;) {
    for (const set = rdns.enter(TAG.set); !set.done;) {
      const attribute = set.enter(TAG.sequence)
      if (readOid(attribute.expect(TAG.oid).content) === OID.commonName) found = readText(attribute.next()) ?? found
    }
  }
  return found
}
