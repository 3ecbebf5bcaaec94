import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resetLab, startLab } from '../../electron/cluster/lab/start-lab.ts'
import { NO_LOG } from '../../electron/log/log.ts'
import { commonNameOnly, createCsr, newKeyPair, privateKeyPem, publicKeyPem } from '../../electron/wire/x509.ts'
import { decodeIdentity } from '../../electron/wire/identity.ts'
import type { Credentials } from '../../electron/engine/engine.ts'

/** What a bench needs of a lab: the way through its proxy, and the way straight to its PostgreSQL. */
export interface LabForBench {
  readonly port: number
  readonly webRoot: string
  readonly database: Credentials
  readonly direct: { readonly port: number; readonly key: string; readonly cert: string }
}

const HOUR = 3_600_000

/** Child process: a lab of its own in a temporary folder. Ends and leaves nothing when its parent disconnects. */
const home = mkdtempSync(join(tmpdir(), 'portico-bench-lab-'))
const lab = await startLab({ home, listen: { host: '127.0.0.1', port: 0 }, log: NO_LOG })
const { auth } = lab.running
const keys = await newKeyPair('ecdsa-p256')
const [key, tlsPublicKey] = [privateKeyPem(keys.privateKey), publicKeyPem(keys.publicKey)]
const login = await auth.login({
  user: lab.user,
  password: lab.password,
  code: '',
  ttlMs: HOUR,
  sshPublicKey: undefined,
  tlsPublicKey,
  routeToCluster: '',
  clientIp: '127.0.0.1',
})
const { identity, notAfter } = decodeIdentity(login.tlsCert)
const routeToDatabase = { ServiceName: 'orders', Protocol: 'postgres', Username: 'reader', Database: 'shop' }
const { tlsCert } = await auth.reissue(
  { identity, notAfter },
  { sshPublicKey: undefined, tlsPublicKey, usage: ['usage:db'], routeToCluster: '', notAfter, routeToDatabase },
)
const direct = await auth.generateDatabaseCert(createCsr(commonNameOnly('reader'), keys), HOUR)
const postgresPort = /uri: ["']?127\.0\.0\.1:(\d+)/.exec(readFileSync(join(home, 'portico.yaml'), 'utf8'))![1]
const told: LabForBench = {
  port: lab.running.address.port,
  webRoot: readFileSync(lab.caFile, 'utf8'),
  database: { key, cert: tlsCert, notAfter },
  direct: { port: Number(postgresPort), key, cert: direct.cert },
}
process.send!(told)
process.once('disconnect', async () => {
  await lab.close(0)
  await resetLab(home)
  process.exit(0)
})
