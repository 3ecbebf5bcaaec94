import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DerReader, TAG } from '../../../electron/wire/der.ts'
import { decodeIdentity, encodeSubject } from '../../../electron/wire/identity.ts'
import { PorticoError } from '../../../shared/errors.ts'

interface Expected {
  readonly kind: string
  readonly identity?: Record<string, unknown>
  readonly serial_hex: string
  readonly not_before: string
  readonly not_after: string
}

const here = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
const expected = JSON.parse(here('identities.json')) as Record<string, Expected>
const x509 = Object.entries(expected).filter(([, value]) => value.kind === 'x509')
const identities = x509.filter(([, value]) => value.identity !== undefined)

/** Bytes of the subject, cut out of the certificate. */
function subjectOf(pem: string): Buffer {
  const tbs = new DerReader(new X509Certificate(pem).raw).enter(TAG.sequence).enter(TAG.sequence)
  tbs.next()
  for (let skip = 0; skip < 4; skip++) tbs.next()
  return tbs.next().whole
}

test.each(identities)('decodes %s as Teleport meant it', (name, { identity = {}, ...fields }) => {
  const decoded = decodeIdentity(here(name))
  const list = (key: string): unknown => identity[key] ?? []
  expect(decoded.identity).toMatchObject({
    username: identity['username'],
    roles: identity['roles'],
    usage: list('usage'),
    logins: list('logins'),
    routeToCluster: identity['routeToCluster'],
    teleportCluster: identity['teleportCluster'],
    kubeUsers: list('kubeUsers'),
    kubeGroups: list('kubeGroups'),
    kubeCluster: identity['kubeCluster'] ?? '',
    databaseNames: list('databaseNames'),
    databaseUsers: list('databaseUsers'),
    activeRequests: list('activeRequests'),
    loginIp: identity['loginIp'] ?? '',
    privateKeyPolicy: identity['privateKeyPolicy'] ?? '',
  })
  const traits = Object.entries((identity['traits'] ?? {}) as Record<string, string[] | null>)
  expect(decoded.identity.traits).toEqual(Object.fromEntries(traits.map(([key, values]) => [key, values ?? []])))
  const db = identity['routeToDatabase'] as Record<string, string> | undefined
  expect(decoded.identity.routeToDatabase).toEqual(
    db && {
      ServiceName: db['serviceName'],
      Protocol: db['protocol'],
      Username: db['username'] ?? '',
      Database: db['database'] ?? '',
    },
  )
  expect(decoded.notBefore).toBe(Date.parse(fields.not_before))
  expect(decoded.notAfter).toBe(Date.parse(fields.not_after))
  expect(decoded.serial).toBe(fields.serial_hex.replace(/^00/, ''))
  expect(decoded.fingerprint).toBe(new X509Certificate(here(name)).fingerprint256.replaceAll(':', '').toLowerCase())
})

test.each(identities)('writes the subject of %s byte for byte as Teleport did', name => {
  const pem = here(name)
  expect(encodeSubject(decodeIdentity(pem).identity).toString('hex')).toBe(subjectOf(pem).toString('hex'))
})

test('has a test for every certificate with an identity', () => {
  expect(identities.length).toBeGreaterThan(25)
})

test('refuses every certificate that is cut short, and never throws anything else', () => {
  const whole = new X509Certificate(here('root-alice-db-pg.tls.pem')).raw
  for (let length = 0; length < whole.length; length++) {
    expect(() => decodeIdentity(whole.subarray(0, length))).toThrow(PorticoError)
  }
})

test('survives any single broken byte', () => {
  const whole = Buffer.from(new X509Certificate(here('root-alice-db-pg.tls.pem')).raw)
  for (let at = 0; at < whole.length; at++) {
    const broken = Buffer.from(whole)
    broken[at] = broken[at]! ^ 0xff
    try {
      decodeIdentity(broken)
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(PorticoError)
    }
  }
})

test('a web certificate is no identity', () => {
  expect(() => decodeIdentity(here('root-proxy-web-chain.tls.pem'))).toThrow(/names no role/)
})
