import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto'
import { malformed } from './der.ts'
import { SshReader, sshString, sshUint32, sshUint64 } from './ssh-bytes.ts'
import { decodeSshKey, encodeSshKey, readSshKeyFields, splitSshLine, sshKeyFields, sshKeyType } from './ssh-keys.ts'
import { signSsh, signatureAlgorithms, SSH_CERTIFICATE_SUFFIX as SUFFIX, verifySsh } from './ssh-signature.ts'

/** OpenSSH certificates v01. OpenSSH: PROTOCOL.certkeys; Teleport's fields: wire/identity.md 6 */

/** "For ever" of valid before. */
export const SSH_NO_END = 0xffff_ffff_ffff_ffffn

export interface SshCertificateFields {
  readonly kind: 'user' | 'host'
  readonly publicKey: KeyObject
  readonly serial: bigint
  readonly keyId: string
  readonly principals: readonly string[]
  /** seconds since 1970 */
  readonly validAfter: bigint
  /** seconds since 1970, or SSH_NO_END */
  readonly validBefore: bigint
  readonly criticalOptions: ReadonlyMap<string, string>
  /** Flags have the value ''. */
  readonly extensions: ReadonlyMap<string, string>
}

export interface SshCertificate extends SshCertificateFields {
  readonly type: string
  readonly signatureKey: KeyObject
  readonly signatureType: string
  /** Everything before the signature. */
  readonly signedBytes: Buffer
  readonly signature: Buffer
  /** The whole blob. */
  readonly blob: Buffer
}

function encodeOptions(options: ReadonlyMap<string, string>): Buffer {
  const sorted = [...options].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  // A value is one more string inside the data; a flag has empty data.
  return sshString(Buffer.concat(sorted.flatMap(([name, value]) => [sshString(name), sshString(value === '' ? '' : sshString(value))])))
}

function decodeOptions(bytes: Buffer): ReadonlyMap<string, string> {
  const options = new Map<string, string>()
  for (const reader = new SshReader(bytes); !reader.done;) {
    const name = reader.text()
    const data = reader.string()
    options.set(name, data.length === 0 ? '' : new SshReader(data).text())
  }
  return options
}

/** Signs with rsa-sha2-512, ecdsa-sha2-nistp… or ssh-ed25519, by the CA's key. @returns a line without an end of line */
export function issueSshCertificate(fields: SshCertificateFields, ca: KeyObject): string {
  const type = sshKeyType(fields.publicKey) + SUFFIX
  const signedBytes = Buffer.concat([
    sshString(type),
    sshString(randomBytes(32)),
    sshKeyFields(fields.publicKey),
    sshUint64(fields.serial),
    sshUint32(fields.kind === 'user' ? 1 : 2),
    sshString(fields.keyId),
    sshString(Buffer.concat(fields.principals.map(sshString))),
    sshUint64(fields.validAfter),
    sshUint64(fields.validBefore),
    encodeOptions(fields.criticalOptions),
    encodeOptions(fields.extensions),
    sshString(''),
    sshString(encodeSshKey(ca)),
  ])
  return `${type} ${Buffer.concat([signedBytes, sshString(signSsh(ca, signatureAlgorithms(sshKeyType(ca))[0]!, signedBytes))]).toString('base64')}`
}

/** Reads a certificate line or blob; its signature is another matter (`isSignedBy`). @throws PorticoError wire/malformed */
export function decodeSshCertificate(from: string | Buffer): SshCertificate {
  const blob = typeof from === 'string' ? splitSshLine(from).blob : from
  const reader = new SshReader(blob)
  const type = reader.text()
  if (!type.endsWith(SUFFIX)) throw malformed('not an SSH certificate')
  reader.string() // nonce
  const publicKey = readSshKeyFields(type.slice(0, -SUFFIX.length), reader)
  const serial = reader.uint64()
  const kind = reader.uint32()
  if (kind !== 1 && kind !== 2) throw malformed('an SSH certificate is neither user nor host')
  const keyId = reader.text()
  const principals: string[] = []
  for (const list = new SshReader(reader.string()); !list.done;) principals.push(list.text())
  const [validAfter, validBefore] = [reader.uint64(), reader.uint64()]
  const [criticalOptions, extensions] = [decodeOptions(reader.string()), decodeOptions(reader.string())]
  reader.string() // reserved
  const signatureKey = decodeSshKey(reader.string())
  const signedBytes = blob.subarray(0, reader.position)
  const parts = new SshReader(reader.string())
  const [signatureType, signature] = [parts.text(), parts.string()]
  if (!reader.done) throw malformed('bytes follow an SSH certificate')
  return {
    kind: kind === 1 ? 'user' : 'host',
    type,
    publicKey,
    serial,
    keyId,
    principals,
    validAfter,
    validBefore,
    criticalOptions,
    extensions,
    signatureKey,
    signatureType,
    signedBytes,
    signature,
    blob,
  }
}

/** True when one of these CA keys made the signature. SHA-1 (`ssh-rsa`) signatures are never good. */
export function isSignedBy(certificate: SshCertificate, caKeys: readonly KeyObject[]): boolean {
  const { signatureKey, signatureType, signedBytes, signature } = certificate
  const known = caKeys.some(key => (key.type === 'private' ? createPublicKey(key) : key).equals(signatureKey))
  return known && verifySsh(signatureKey, signatureType, signedBytes, signature)
}
