import { randomUUID } from 'node:crypto'
import type { Role, SecondFactor } from '../../../electron/cluster/auth/auth.ts'
import { openAuthGrpc, type AuthGrpc } from '../../../electron/cluster/auth/grpc-server.ts'
import { openAuth, type OpenAuth } from '../../../electron/cluster/auth/open-auth.ts'
import { openRouter } from '../../../electron/cluster/router/router.ts'
import { openMemoryStorage } from '../../../electron/cluster/storage/memory-storage.ts'
import { openWebApi } from '../../../electron/cluster/web/web-api.ts'
import type { Trust } from '../../../electron/client/client.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import type { Address } from '../../../shared/address.ts'
import { makeCertificates } from '../../kit/certificates.ts'

export const PASSWORD = 'correct horse'
export const TOTP_SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'

const HOUR = 3_600_000
const NOTHING = { logins: [], dbUsers: [], dbNames: [], dbLabels: {} }
const role = (name: string, allow: Partial<Role['allow']>): Role => ({
  name,
  maxSessionTtlMs: 12 * HOUR,
  allow: { ...NOTHING, ...allow },
  deny: NOTHING,
})

export interface SmallCluster {
  readonly proxy: Address
  readonly auth: OpenAuth
  readonly grpc: AuthGrpc
  readonly trust: Trust
  close(): Promise<void>
}

/** The cluster half without databases: router, web API and auth service in this process, with alice (may all) and bob (only env=dev). */
export async function openSmallCluster(secondFactor: SecondFactor, now: () => number = Date.now): Promise<SmallCluster> {
  const certificates = await makeCertificates()
  const webKeyPair = await certificates.server()
  const storage = openMemoryStorage()
  const auth = await openAuth({ clusterName: 'small', storage, secondFactor, log: NO_LOG, now })
  await auth.createRole(role('all', { logins: ['root'], dbUsers: ['*'], dbNames: ['*'], dbLabels: { '*': ['*'] } }))
  await auth.createRole(role('dev', { dbUsers: ['reader'], dbNames: ['*'], dbLabels: { env: ['dev'] } }))
  await auth.createUser({ name: 'alice', password: PASSWORD, roles: ['all'], totpSecret: TOTP_SECRET })
  await auth.createUser({ name: 'bob', password: PASSWORD, roles: ['dev'], totpSecret: TOTP_SECRET })
  for (const [name, env] of [
    ['orders', 'dev'],
    ['metrics', 'dev'],
    ['archive', 'prod'],
  ] as const) {
    await auth.announce({
      name,
      description: `the ${name}`,
      dbProtocol: 'postgres',
      uri: 'localhost:5432',
      labels: { env },
      hostId: randomUUID(),
      hostname: 'here',
      expires: now() + HOUR,
    })
  }
  const hostId = randomUUID()
  const hostKeyPair = await auth.hostKeyPair('Proxy', hostId, 'here', ['localhost'])
  const authKeyPair = await auth.hostKeyPair('Auth', hostId, 'here', ['localhost'])
  const clientCas = (): readonly string[] => [...auth.ca('host').tls, ...auth.ca('user').tls]
  let proxy: Address = { host: 'localhost', port: 0 }
  const web = openWebApi({ auth, listen: () => proxy, publicAddresses: () => [proxy], log: NO_LOG, now })
  const grpc = openAuthGrpc({ auth, hostKeyPair: () => authKeyPair, clientCas, log: NO_LOG, now })
  const refuse = (stream: { destroy(): unknown }): void => {
    stream.destroy()
  }
  const router = await openRouter({
    listen: { host: '127.0.0.1', port: 0 },
    clusterName: 'small',
    webKeyPair: () => webKeyPair,
    hostKeyPair: () => hostKeyPair,
    clientCas,
    handlers: { web: web.serve, auth: grpc.serve, postgres: refuse, database: refuse },
    log: NO_LOG,
    now,
  })
  proxy = { host: 'localhost', port: router.address.port }
  return {
    proxy,
    auth,
    grpc,
    trust: { extraRoots: [certificates.webRoot], caPin: undefined, insecure: false },
    async close() {
      await grpc.close()
      web.close()
      await router.close(0)
      await auth.close()
      await storage.close()
    },
  }
}
