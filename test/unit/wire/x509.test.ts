import { X509Certificate } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeIdentity, encodeSubject, NO_IDENTITY } from '../../../electron/wire/identity.ts'
import { derToPem, pemToDer, splitPem } from '../../../electron/wire/pem.ts'
import {
  caPin,
  commonNameOnly,
  createCsr,
  issueCertificate,
  newKeyPair,
  openCaSigner,
  privateKeyPem,
  readCsr,
  selfSignedCa,
  type KeyAlgorithm,
} from '../../../electron/wire/x509.ts'

const NOW = Date.UTC(2030, 0, 1)
const CA_ALGORITHMS: readonly KeyAlgorithm[] = ['rsa-2048', 'ecdsa-p256']

test.each(CA_ALGORITHMS)('a %s CA issues certificates that Node verifies and that keep the identity', async algorithm => {
  const caKeys = await newKeyPair(algorithm)
  const caCert = selfSignedCa('root.example', caKeys, NOW)
  const ca = openCaSigner(caCert, privateKeyPem(caKeys.privateKey))
  const keys = await newKeyPair('ecdsa-p256')
  const identity = {
    ...NO_IDENTITY,
    username: 'alice, "the first"\n',
    roles: ['a', 'bb'],
    teleportCluster: 'root.example',
    logins: ['müller'],
  }
  const pem = issueCertificate({
    ca,
    subject: encodeSubject(identity),
    publicKey: keys.publicKey,
    now: NOW,
    notAfter: NOW + 3_600_000,
    dnsNames: ['localhost', '*.teleport.cluster.local'],
    ipAddresses: ['127.0.0.1', '::1', '2001:db8::5:6'],
  })
  const [read, root] = [new X509Certificate(pem), new X509Certificate(caCert)]
  expect(root.ca).toBe(true)
  expect(root.verify(root.publicKey)).toBe(true)
  expect(read.verify(root.publicKey)).toBe(true)
  expect(read.checkIssued(root)).toBe(true)
  expect(read.ca).toBe(false)
  expect(read.subjectAltName).toContain('IP Address:2001:DB8:0:0:0:0:5:6')
  expect(read.checkHost('localhost')).toBe('localhost')
  expect(read.checkIP('127.0.0.1')).toBe('127.0.0.1')
  const decoded = decodeIdentity(pem)
  expect(decoded.identity).toEqual(identity)
  expect(decoded).toMatchObject({ notBefore: NOW - 60_000, notAfter: NOW + 3_600_000, issuer: 'root.example' })
  expect(caPin(caCert)).toMatch(/^sha256:[0-9a-f]{64}$/)
})

test('a certificate that ends after 2049 keeps its end', async () => {
  const keys = await newKeyPair('ecdsa-p256')
  const ca = openCaSigner(selfSignedCa('root.example', keys, NOW), privateKeyPem(keys.privateKey))
  const end = Date.UTC(2055, 5, 6, 7, 8, 9)
  const pem = issueCertificate({
    ca,
    subject: encodeSubject({ ...NO_IDENTITY, username: 'a', roles: ['b'] }),
    publicKey: keys.publicKey,
    now: NOW,
    notAfter: end,
  })
  expect(decodeIdentity(pem).notAfter).toBe(end)
})

test.each(CA_ALGORITHMS)('a request made with a %s key is read back; a changed one is refused', async algorithm => {
  const keys = await newKeyPair(algorithm)
  const pem = createCsr(commonNameOnly('reader'), keys)
  const read = readCsr(pem)
  expect(read.commonName).toBe('reader')
  expect(read.publicKey.equals(keys.publicKey)).toBe(true)
  const bytes = pemToDer(pem)
  const at = bytes.indexOf('reader')
  bytes[at] = 'l'.charCodeAt(0)
  expect(() => readCsr(derToPem(bytes, 'CERTIFICATE REQUEST'))).toThrow(/signature/)
})

test.skipIf(!existsSync('/usr/bin/openssl'))('OpenSSL accepts our request (needs openssl)', async () => {
  const pem = createCsr(commonNameOnly('reader'), await newKeyPair('ecdsa-p256'))
  expect(execFileSync('openssl', ['req', '-noout', '-verify', '-subject'], { input: pem, encoding: 'utf8' })).toContain('reader')
})

test('splits a file of several PEM blocks', async () => {
  const keys = await newKeyPair('ecdsa-p256')
  const cert = selfSignedCa('a', keys, NOW)
  const file = `words before\n${cert}${privateKeyPem(keys.privateKey)}\n${cert}`
  expect(splitPem(file, 'CERTIFICATE')).toEqual([cert, cert])
  expect(splitPem(file)).toHaveLength(3)
})
