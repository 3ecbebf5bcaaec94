import type { Answers } from '../../shared/contract.ts'
import type { Context } from './context.ts'
import type { FindDatabase } from './database-finder.ts'
import { listTools, openTool, toolFor } from './open-in.ts'
import type { OpenTunnel, Tunnels } from './tunnels.ts'

export interface ToolNeeds {
  readonly context: Context
  readonly tunnels: Tunnels
  readonly find: FindDatabase
  /** Starts a tunnel as a click on Connect does. */
  readonly startTunnel: Answers['tunnel.start']
  /** The terminal of the settings; null = found by itself. */
  readonly terminal: () => string | null
}

/** What the faces ask about programs that databases are opened in. */
export function toolAnswers(needs: ToolNeeds): Pick<Answers, 'tools.list' | 'tools.open'> {
  const { context, tunnels, find, terminal } = needs
  const running = (resource: string): OpenTunnel | undefined =>
    tunnels.list().find((tunnel): tunnel is OpenTunnel => tunnel.resource === resource && tunnel.state === 'open')
  /** A tunnel may lead to a database of a cluster that is not on show. */
  const kindOf = async (resource: string): Promise<string> => (running(resource) ?? (await find(resource)).database).dbProtocol

  return {
    async 'tools.list'({ resource }) {
      return { tools: [...(await listTools(context, { id: resource, dbProtocol: await kindOf(resource) }))] }
    },
    async 'tools.open'({ resource, tool }) {
      const chosen = toolFor(await kindOf(resource), tool)
      if (running(resource) === undefined) await needs.startTunnel({ resource })
      const tunnel = running(resource)
      if (tunnel !== undefined) await openTool(context, tunnel, chosen, terminal())
      return {}
    },
  }
}
