import type { Answers } from '../../shared/contract.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { Context } from './context.ts'
import type { ShownDatabases } from './database-list.ts'
import { routeTo } from './find-database.ts'
import type { Tunnels } from './tunnels.ts'

export interface TunnelNeeds {
  readonly context: Context
  readonly tunnels: Tunnels
  readonly databases: ShownDatabases
}

/** What the faces ask of tunnels. */
export function tunnelAnswers({ context, tunnels, databases }: TunnelNeeds): Pick<Answers, 'tunnel.start' | 'tunnel.stop'> {
  return {
    async 'tunnel.start'({ resource, databaseUser, databaseName, port }) {
      const profile = context.profiles.current()
      if (profile === undefined) throw new PorticoError('login/required', {})
      const database = databases.find(resource)
      const route = routeTo(context, profile, database, { databaseUser, databaseName })
      return tunnels.start({ profile, database, route, port, keepPort: port !== 0 })
    },
    async 'tunnel.stop'({ tunnel }) {
      await tunnels.stop(tunnel)
      return {}
    },
  }
}
