import type { Credentials } from '../../electron/engine/engine.ts'
import { encodeSubject, NO_IDENTITY } from '../../electron/wire/identity.ts'
import {
  commonNameOnly,
  issueCertificate,
  newKeyPair,
  openCaSigner,
  privateKeyPem,
  selfSignedCa,
  type CaSigner,
} from '../../electron/wire/x509.ts'

/** A small world of certificates for tests: a web authority, a user authority, and whatever they sign. */
export interface TestCertificates {
  readonly webRoot: string
  readonly userRoot: string
  /** For a TLS server on loopback. */
  server(options?: { names?: readonly string[]; notAfter?: number; now?: number }): Promise<{ key: string; cert: string }>
  /** A database certificate, as an authenticated tunnel shows it. */
  database(options?: { protocol?: string; notAfter?: number; foreign?: boolean }): Promise<Credentials>
}

const HOUR = 3_600_000

async function newCa(cluster: string): Promise<CaSigner> {
  const keys = await newKeyPair('ecdsa-p256')
  return openCaSigner(selfSignedCa(cluster, keys, Date.now()), privateKeyPem(keys.privateKey))
}

export async function makeCertificates(): Promise<TestCertificates> {
  const [web, users, strangers] = await Promise.all([newCa('web.test'), newCa('root.test'), newCa('elsewhere.test')])
  return {
    webRoot: web.cert,
    userRoot: users.cert,
    server: async ({ names = ['localhost', 'proxy.test'], notAfter = Date.now() + HOUR, now = Date.now() } = {}) => {
      const keys = await newKeyPair('ecdsa-p256')
      const request = {
        ca: web,
        subject: commonNameOnly(names[0]!),
        publicKey: keys.publicKey,
        now,
        notAfter,
        dnsNames: names,
        ipAddresses: ['127.0.0.1'],
      }
      return { key: privateKeyPem(keys.privateKey), cert: issueCertificate(request) }
    },
    database: async ({ protocol = 'postgres', notAfter = Date.now() + HOUR, foreign = false } = {}) => {
      const keys = await newKeyPair('ecdsa-p256')
      const routeToDatabase = { ServiceName: 'orders', Protocol: protocol, Username: 'reader', Database: 'postgres' }
      const subject = encodeSubject({
        ...NO_IDENTITY,
        username: 'alice',
        roles: ['dev'],
        usage: ['usage:db'],
        routeToCluster: 'root.test',
        teleportCluster: 'root.test',
        routeToDatabase,
      })
      const cert = issueCertificate({ ca: foreign ? strangers : users, subject, publicKey: keys.publicKey, now: Date.now(), notAfter })
      return { key: privateKeyPem(keys.privateKey), cert, notAfter }
    },
  }
}
