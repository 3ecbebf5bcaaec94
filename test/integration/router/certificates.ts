import { encodeSubject, NO_IDENTITY, type Identity } from '../../../electron/wire/identity.ts'
import {
  issueCertificate,
  newKeyPair,
  openCaSigner,
  plainName,
  privateKeyPem,
  selfSignedCa,
  type CaSigner,
} from '../../../electron/wire/x509.ts'
import type { KeyPair } from '../../../electron/cluster/auth/auth.ts'

export interface TestCa {
  readonly cert: string
  readonly signer: CaSigner
}

export async function newCa(cluster: string): Promise<TestCa> {
  const keys = await newKeyPair('ecdsa-p256')
  const cert = selfSignedCa(cluster, keys, Date.now())
  return { cert, signer: openCaSigner(cert, privateKeyPem(keys.privateKey)) }
}

export async function serverPair(ca: TestCa, name: string): Promise<KeyPair> {
  const keys = await newKeyPair('ecdsa-p256')
  const cert = issueCertificate({
    ca: ca.signer,
    subject: plainName([['2.5.4.3', name]]),
    publicKey: keys.publicKey,
    now: Date.now(),
    notAfter: Date.now() + 3_600_000,
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  })
  return { key: privateKeyPem(keys.privateKey), cert }
}

export async function clientPair(
  ca: TestCa,
  identity: Partial<Identity>,
  notAfter = Date.now() + 3_600_000,
  now = Date.now(),
): Promise<KeyPair> {
  const keys = await newKeyPair('ecdsa-p256')
  const subject = encodeSubject({ ...NO_IDENTITY, username: 'alice', roles: ['access'], teleportCluster: 'root.example', ...identity })
  return {
    key: privateKeyPem(keys.privateKey),
    cert: issueCertificate({ ca: ca.signer, subject, publicKey: keys.publicKey, now, notAfter }),
  }
}
