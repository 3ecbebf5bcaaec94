import type { Answers } from '../../shared/contract.ts'
import type { AuthSessions } from './auth-sessions.ts'
import type { CodeQuestions } from './code-questions.ts'
import type { Context } from './context.ts'
import type { FindDatabase } from './database-finder.ts'
import { routeTo } from './find-database.ts'
import { passthroughFiles } from './passthrough-files.ts'
import type { Tunnels } from './tunnels.ts'

export interface TunnelNeeds {
  readonly context: Context
  readonly sessions: AuthSessions
  readonly tunnels: Tunnels
  readonly codes: CodeQuestions
  readonly find: FindDatabase
  readonly signal: AbortSignal
}

type TunnelQuestions = 'tunnel.start' | 'tunnel.stop' | 'tunnel.restart' | 'tunnel.code' | 'tunnel.connections' | 'connection.close'

/** What the faces ask of tunnels. */
export function tunnelAnswers({ context, sessions, tunnels, codes, find, signal }: TunnelNeeds): Pick<Answers, TunnelQuestions> {
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
    async 'tunnel.code'({ tunnel, code }) {
      codes.answer(tunnel, code.replace(/\s/g, ''))
      return {}
    },
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
