import { PorticoError } from '../../shared/errors.ts'
import { clientCommand } from '../launch/database-client.ts'
import { findProgram } from '../launch/find-program.ts'
import type { Context } from './context.ts'
import type { OpenTunnel } from './tunnels.ts'

/** The database's own client on an open tunnel, ready to be started. */
export interface FoundClient {
  /** Absolute path. */
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
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
  const client = clientCommand({ dbProtocol, address: { host: 'localhost', port }, databaseUser, databaseName })
  if (client === undefined)
    throw new PorticoError('resource/unsupported', {
      protocol: dbProtocol,
      why: 'Portico knows no client for it',
      next: `portico proxy db ${name}`,
    })
  const program = await findProgram(client.program, env)
  if (program === undefined) throw new PorticoError('tool/not-found', { tool: client.program, next: client.install })
  if (client.program !== 'psql') return { program, args: [...client.args, ...rest], env }
  // psql takes what follows its database for a user name, unless the database comes as an option. The tunnel is plain on
  // loopback: a PGSSLMODE=require of the user's is about servers far away.
  const { PGSSLNEGOTIATION: _negotiation, ...others } = env
  return { program, args: ['-d', ...client.args, ...rest], env: { ...others, PGSSLMODE: 'disable', PGGSSENCMODE: 'disable' } }
}
