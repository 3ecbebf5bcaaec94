import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { decodeSshCertificate, isSignedBy, issueSshCertificate, SSH_NO_END } from '../../../electron/wire/ssh-certificate.ts'
import { formatSshKey, parseSshKey, splitSshLine } from '../../../electron/wire/ssh-keys.ts'
import { newKeyPair, type KeyAlgorithm } from '../../../electron/wire/x509.ts'
import { PorticoError } from '../../../shared/errors.ts'

interface Expected {
  readonly kind: string
  readonly key_id: string
  readonly cert_type: number
  readonly principals: string[]
  readonly valid_after: number | string
  readonly valid_before: number | string
  readonly extensions: Record<string, string>
  readonly signature_type: string
}

const here = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
const all = JSON.parse(here('../identity/identities.json')) as Record<string, Expected>
const certificates = Object.entries(all).filter(([, value]) => value.kind === 'ssh')
/** `cert-authority … ssh-rsa AAAA… comment` of the web API's export. */
const caKey = (name: string) => parseSshKey(/ssh-rsa [A-Za-z0-9+/=]+/.exec(here(name))![0])

test.each(certificates)('decodes %s', (name, fields) => {
  const decoded = decodeSshCertificate(here(name))
  expect(decoded).toMatchObject({
    kind: fields.cert_type === 1 ? 'user' : 'host',
    keyId: fields.key_id,
    principals: fields.principals,
    validAfter: BigInt(fields.valid_after),
    validBefore: BigInt(fields.valid_before),
    signatureType: fields.signature_type,
    serial: 0n,
  })
  expect([...decoded.extensions.keys()]).toEqual(Object.keys(fields.extensions))
})

test('the captured user certificate is signed by the captured user CA and by no other', () => {
  const certificate = decodeSshCertificate(here('root-alice-login.ssh-cert.pub'))
  expect(isSignedBy(certificate, [caKey('root-host-ca.ssh.txt'), caKey('root-user-ca.ssh.txt')])).toBe(true)
  expect(isSignedBy(certificate, [caKey('root-host-ca.ssh.txt')])).toBe(false)
  const [broken, last] = [Buffer.from(certificate.signedBytes), certificate.signedBytes.length - 1]
  broken[last] = broken[last]! ^ 1
  expect(isSignedBy({ ...certificate, signedBytes: broken }, [caKey('root-user-ca.ssh.txt')])).toBe(false)
})

test('writes a captured key line as it was', () => {
  const { comment } = splitSshLine(here('root-alice.pub'))
  expect(formatSshKey(parseSshKey(here('root-alice.pub')), comment)).toBe(here('root-alice.pub').trim())
})

test('refuses a certificate cut short anywhere', () => {
  const { blob } = splitSshLine(here('root-alice-login.ssh-cert.pub'))
  for (let length = 0; length < blob.length; length++) expect(() => decodeSshCertificate(blob.subarray(0, length))).toThrow(PorticoError)
})

const ALGORITHMS: readonly KeyAlgorithm[] = ['rsa-2048', 'ecdsa-p256', 'ed25519']
const hasSshKeygen = existsSync('/usr/bin/ssh-keygen')

test.each(ALGORITHMS)('issues with a %s CA what it reads back, for every kind of user key', async algorithm => {
  const ca = await newKeyPair(algorithm)
  for (const userAlgorithm of ALGORITHMS) {
    const user = await newKeyPair(userAlgorithm)
    const fields = {
      kind: 'user',
      publicKey: user.publicKey,
      serial: 7n,
      keyId: 'alice',
      principals: ['root', '-teleport-internal-join'],
      validAfter: 1_000n,
      validBefore: SSH_NO_END,
      criticalOptions: new Map([['source-address', '127.0.0.1/32']]),
      extensions: new Map([
        ['teleport-roles', '{"version":"v1","roles":["access"]}'],
        ['permit-pty', ''],
      ]),
    } as const
    const line = issueSshCertificate(fields, ca.privateKey)
    const decoded = decodeSshCertificate(line)
    expect(decoded).toMatchObject({ ...fields, publicKey: expect.anything() })
    expect(decoded.publicKey.equals(user.publicKey)).toBe(true)
    expect([...decoded.extensions.keys()]).toEqual(['permit-pty', 'teleport-roles'])
    expect(isSignedBy(decoded, [ca.publicKey])).toBe(true)
  }
})

test.skipIf(!hasSshKeygen)('OpenSSH reads what we issue (needs ssh-keygen)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-ssh-'))
  try {
    for (const algorithm of ALGORITHMS) {
      const [ca, user] = [await newKeyPair(algorithm), await newKeyPair(algorithm)]
      const file = join(folder, `${algorithm}-cert.pub`)
      const fields = {
        kind: 'user',
        publicKey: user.publicKey,
        serial: 0n,
        keyId: 'alice',
        principals: ['root'],
        validAfter: 1_000n,
        validBefore: 2_000_000_000n,
        criticalOptions: new Map(),
        extensions: new Map([['permit-pty', '']]),
      } as const
      writeFileSync(file, `${issueSshCertificate(fields, ca.privateKey)}\n`)
      const told = execFileSync('ssh-keygen', ['-L', '-f', file], { encoding: 'utf8' })
      expect(told).toContain('Key ID: "alice"')
      expect(told).toContain('permit-pty')
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
