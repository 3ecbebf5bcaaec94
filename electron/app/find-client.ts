import { PorticoError } from '../../shared/errors.ts'
import { clientStart, databaseClient, installHint } from '../launch/database-client.ts'
import { findFirstProgram } from '../launch/find-program.ts'
import type { Context } from './context.ts'
import type { OpenTunnel } from './tunnels.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The database's own client on an open tunnel, ready to be started. */
export interface FoundClient {
  /** Absolute path. */
  readonly program: string
  readonly args: readonly string[]
  readonly env: Environment
}

/**
 * @param rest what the user adds
 * @throws PorticoError `tool/not-found` naming the package, `resource/unsupported`
 */
export async function findClient(
  { env }: Context,
  { name, dbProtocol, port, databaseUser, databaseName }: OpenTunnel,
  rest: readonly string[],
): Promise<FoundClient> {
  const client = databaseClient(dbProtocol)
  if (client === undefined)
    throw new PorticoError('resource/unsupported', {
      protocol: dbProtocol,
      why: 'Portico knows no client for it',
      next: `portico proxy db ${name}`,
    })
  const found = await findFirstProgram(client.programs, env)
  if (found === undefined)
    throw new PorticoError('tool/not-found', { tool: client.programs.join(' or '), next: installHint(client, process.platform) })
  const target = { dbProtocol, address: { host: 'localhost', port }, databaseUser, databaseName }
  const start = clientStart(client, target, found.name, rest)
  return { program: found.path, args: start.args, env: withChanges(env, start.env ?? {}) }
}

function withChanges(env: Environment, changes: Environment): Environment {
  return Object.fromEntries(Object.entries({ ...env, ...changes }).filter(([, value]) => value !== undefined))
}
