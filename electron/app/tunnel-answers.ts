import type { Answers } from '../../shared/contract.ts'
import { PorticoError } from '../../shared/errors.ts'
import { readDatabaseId } from '../../shared/ids.ts'
import type { Database } from '../../shared/state.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import type { Context } from './context.ts'
import type { ShownDatabases } from './database-list.ts'
import { findDatabase, routeTo } from './find-database.ts'
import { passthroughFiles } from './passthrough-files.ts'
import type { Tunnels } from './tunnels.ts'

export interface TunnelNeeds {
  readonly context: Context
  readonly sessions: AuthSessions
  readonly tunnels: Tunnels
  readonly databases: ShownDatabases
  readonly signal: AbortSignal
}

type TunnelQuestions = 'tunnel.start' | 'tunnel.stop' | 'tunnel.restart' | 'tunnel.connections' | 'connection.close'

/** What the faces ask of tunnels. */
export function tunnelAnswers({ context, sessions, tunnels, databases, signal }: TunnelNeeds): Pick<Answers, TunnelQuestions> {
  /** The login that leads to a resource: the one on show, else any to its cluster, rather one that has not ended. */
  const profileOf = (root: string): StoredProfile => {
    const current = context.profiles.current()
    if (current?.cluster === root) return current
    const others = context.profiles.list().filter(({ cluster }) => cluster === root)
    const found = others.find(({ validUntil }) => validUntil > context.now()) ?? others[0]
    if (found === undefined) throw new PorticoError('login/required', {})
    return found
  }
  /** What is listed is known; for anything else (a command, a leaf, a list that is on its way) the cluster is asked. */
  const find = async (resource: string): Promise<{ profile: StoredProfile; database: Database }> => {
    const names = readDatabaseId(resource)
    if (names === undefined) throw new PorticoError('resource/not-found', { kind: 'database', name: resource })
    const profile = profileOf(names.root)
    const listed = databases.listed(resource)
    if (listed !== undefined) return { profile, database: listed }
    return { profile, database: await findDatabase(context, sessions, profile, names.name, names.leaf, signal) }
  }

  return {
    async 'tunnel.start'({ resource, databaseUser, databaseName, port, mode = 'authenticated' }) {
      const { profile, database } = await find(resource)
      const route = routeTo(context, profile, database, { databaseUser, databaseName })
      const files = mode === 'passthrough' ? { files: await passthroughFiles(context, sessions, profile, route, signal) } : {}
      return tunnels.start({ profile, database, route, mode, port, keepPort: port !== 0, ...files })
    },
    async 'tunnel.stop'({ tunnel }) {
      await tunnels.stop(tunnel)
      return {}
    },
    'tunnel.restart': ({ tunnel }) => tunnels.restart(tunnel),
    async 'tunnel.connections'({ tunnel }) {
      const { total, connections } = await tunnels.connections(tunnel)
      return { total, connections: [...connections] }
    },
    async 'connection.close'({ tunnel, connection }) {
      await tunnels.closeConnection(tunnel, connection)
      return {}
    },
  }
}
