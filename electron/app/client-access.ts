import { parseAddress, type Address } from '../../shared/address.ts'
import type { DatabaseRoute } from '../client/client.ts'
import { clientCommand, postgresEnvironment, type ClientTarget } from '../launch/database-client.ts'
import { commandLine, environmentLines, shellOf } from '../launch/quote.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import { writeClientFiles, type ClientFiles } from './client-files.ts'
import type { Context } from './context.ts'
import { findDatabase, routeTo, type ChosenValues } from './find-database.ts'

/** What a client that brings the certificate itself is told. */
export interface ClientAccess {
  readonly cluster: string
  /** The proxy itself where the protocol allows, else the local port of the tunnel. */
  readonly address: Address
  readonly databaseUser: string
  readonly databaseName: string
  readonly files: ClientFiles
  /** For libpq; undefined for other protocols. */
  readonly environment: Readonly<Record<string, string>> | undefined
  /** `environment` for this system's shell. */
  readonly environmentLines: readonly string[]
  /** The client's command line for this system's shell; undefined where none can bring the certificate. */
  readonly command: string | undefined
}

const isPostgres = ({ dbProtocol }: DatabaseRoute): boolean => dbProtocol === 'postgres' || dbProtocol === 'cockroachdb'

/**
 * Signs in to a database: writes certificate, key and CA files, and says how a client uses them.
 * @throws PorticoError `resource/*`, `usage/choose`, `proxy/*`, `state/*`
 */
export async function openClientAccess(
  context: Context,
  sessions: AuthSessions,
  profile: StoredProfile,
  name: string,
  { cluster, ...chosen }: ChosenValues & { readonly cluster?: string | undefined },
  signal: AbortSignal,
): Promise<ClientAccess> {
  const database = await findDatabase(context, sessions, profile, name, cluster, signal)
  const route = routeTo(context, profile, database, chosen)
  const files = await writeClientFiles(context, sessions, profile, route, signal)
  const { databaseUser, databaseName, dbProtocol } = route
  await context.profiles.remember(database.id, { databaseUser, databaseName })
  // Postgres clients speak to the proxy's port themselves: it answers their SSLRequest. wire/database.md 10.5
  const direct = isPostgres(route) ? parseAddress(profile.proxy, 443) : undefined
  const target: ClientTarget = {
    dbProtocol,
    address: direct ?? { host: 'localhost', port: database.port },
    databaseUser,
    databaseName,
    tls: files,
  }
  const client = clientCommand(target)
  const environment = isPostgres(route) ? postgresEnvironment(target) : undefined
  const shell = shellOf(process.platform)
  return {
    cluster: route.cluster,
    address: target.address,
    databaseUser,
    databaseName,
    files,
    environment,
    environmentLines: environment === undefined ? [] : environmentLines(environment, shell),
    command: client === undefined ? undefined : commandLine([client.program, ...client.args], shell),
  }
}
