import { X509Certificate } from 'node:crypto'
import type { DatabaseRoute } from '../client/client.ts'
import type { Credentials } from '../engine/engine.ts'
import type { AuthSessions } from './auth-sessions.ts'

/** A certificate for one database route, with the login's key. It ends at `expires` (ms since 1970), or sooner when a role says so. */
export async function issueCredentials(
  sessions: AuthSessions,
  proxy: string,
  route: DatabaseRoute,
  expires: number,
  signal?: AbortSignal,
): Promise<Credentials> {
  return sessions.with(
    proxy,
    async (api, keys) => {
      const cert = await api.databaseCertificate(route, expires, signal)
      return { key: keys.tlsKey, cert, notAfter: Date.parse(new X509Certificate(cert).validTo) }
    },
    signal,
  )
}
