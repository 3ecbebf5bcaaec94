import { PorticoError } from '../../shared/errors.ts'
import type { DatabaseRoute } from '../client/client.ts'
import { offersPassthrough } from '../launch/database-client.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import { clientFilesOf, writeClientFiles, type ClientFiles } from './client-files.ts'
import type { Context } from './context.ts'

/**
 * What the clients of a passthrough tunnel are told to bring.
 * @param asked `kept`: files of an ended login will do; its clients are refused until the next sign-in
 * @throws PorticoError `resource/unsupported`, `login/*`, `proxy/*`, `state/*`
 */
export async function passthroughFiles(
  context: Context,
  sessions: AuthSessions,
  profile: StoredProfile,
  route: DatabaseRoute,
  signal: AbortSignal,
  asked: 'fresh' | 'kept' = 'fresh',
): Promise<ClientFiles> {
  if (!offersPassthrough(route.dbProtocol)) {
    throw new PorticoError('resource/unsupported', {
      protocol: `--passthrough for ${route.dbProtocol}`,
      why: 'its clients cannot bring the certificate',
      next: `portico proxy db ${route.name}`,
    })
  }
  try {
    return await writeClientFiles(context, sessions, profile, route, signal)
  } catch (thrown) {
    if (asked === 'fresh' || signal.aborted) throw thrown
    return clientFilesOf(context, profile, route)
  }
}
