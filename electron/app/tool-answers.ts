import type { Answers } from '../../shared/contract.ts'
import type { Database } from '../../shared/state.ts'
import type { Context } from './context.ts'
import type { ShownDatabases } from './database-list.ts'
import { listTools, openTool, toolFor } from './open-in.ts'
import type { OpenTunnel, Tunnels } from './tunnels.ts'

export interface ToolNeeds {
  readonly context: Context
  readonly tunnels: Tunnels
  readonly databases: ShownDatabases
  /** Starts a tunnel as a click on Connect does. */
  readonly startTunnel: Answers['tunnel.start']
  /** The terminal of the settings; null = found by itself. */
  readonly terminal: () => string | null
}

/** What the faces ask about programs that databases are opened in. */
export function toolAnswers(needs: ToolNeeds): Pick<Answers, 'tools.list' | 'tools.open'> {
  const { context, tunnels, databases, terminal } = needs
  const running = (resource: string): OpenTunnel | undefined =>
    tunnels.list().find((tunnel): tunnel is OpenTunnel => tunnel.resource === resource && tunnel.state === 'open')
  /** A tunnel may lead to a database of a cluster that is not on show. */
  const kindOf = (resource: string): Pick<Database, 'dbProtocol'> => running(resource) ?? databases.find(resource)

  return {
    async 'tools.list'({ resource }) {
      return { tools: [...(await listTools(context, { id: resource, dbProtocol: kindOf(resource).dbProtocol }))] }
    },
    async 'tools.open'({ resource, tool }) {
      const chosen = toolFor(kindOf(resource).dbProtocol, tool)
      if (running(resource) === undefined) await needs.startTunnel({ resource })
      const tunnel = running(resource)
      if (tunnel !== undefined) await openTool(context, tunnel, chosen, terminal())
      return {}
    },
  }
}
