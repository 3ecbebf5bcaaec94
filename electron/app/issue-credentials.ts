import { X509Certificate } from 'node:crypto'
import { PorticoError, type Failure } from '../../shared/errors.ts'
import type { DatabaseRoute } from '../client/client.ts'
import type { Credentials } from '../engine/engine.ts'
import type { AuthSessions } from './auth-sessions.ts'
import { codeNeeded } from './code-needed.ts'

/** Brings a one-time code. @param refused why the one before was not taken */
export type AskCode = (refused: Failure | undefined) => Promise<string>

/**
 * A certificate for one database route, with the login's key. It ends at `expires` (ms since 1970), or sooner when a role says so.
 * @param askCode where roles want each session confirmed; without it such a database is refused
 * @throws PorticoError besides: `login/code-needed`
 */
export async function issueCredentials(
  sessions: AuthSessions,
  proxy: string,
  route: DatabaseRoute,
  expires: number,
  signal?: AbortSignal,
  askCode: AskCode = () => Promise.reject(codeNeeded(route.name)),
): Promise<Credentials> {
  // The cluster that has the database knows what its roles ask for. A certificate lasts, so this is one call for a route and a login.
  const isConfirmed = await sessions.withCluster(proxy, route.cluster, api => api.needsCode(route, signal), signal)
  let refused: Failure | undefined
  for (;;) {
    try {
      return await sessions.with(
        proxy,
        async (api, keys) => {
          const cert = isConfirmed
            ? await api.confirmedCertificate(route, expires, () => askCode(refused), signal)
            : await api.databaseCertificate(route, expires, signal)
          return { key: keys.tlsKey, cert, notAfter: Date.parse(new X509Certificate(cert).validTo) }
        },
        signal,
      )
    } catch (thrown) {
      const error = PorticoError.from(thrown)
      if (error.code !== 'login/code-refused') throw thrown
      refused = error.toFailure()
    }
  }
}
