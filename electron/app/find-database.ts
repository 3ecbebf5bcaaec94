import { PorticoError } from '../../shared/errors.ts'
import { databaseAlpn } from '../../shared/protocols.ts'
import type { Database } from '../../shared/state.ts'
import type { DatabaseRoute } from '../client/client.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import type { Context } from './context.ts'
import { chooseUser } from './default-values.ts'
import { knownOf, listDatabases } from './list-databases.ts'

/**
 * One database by its name.
 * @throws PorticoError `resource/not-found`
 */
export async function findDatabase(
  context: Context,
  sessions: AuthSessions,
  profile: StoredProfile,
  name: string,
  cluster?: string,
  signal?: AbortSignal,
): Promise<Database> {
  const wanted = cluster ?? profile.cluster
  const all = await listDatabases(context, sessions, profile, {}, signal, wanted)
  const found = all.find(database => database.name === name && database.cluster === wanted)
  if (found === undefined) throw new PorticoError('resource/not-found', { kind: 'database', name, cluster: wanted })
  return found
}

export interface ChosenValues {
  readonly databaseUser?: string | undefined
  readonly databaseName?: string | undefined
}

/**
 * Where a certificate or a tunnel leads. What was not chosen follows the rules of cli.md.
 * @throws PorticoError `usage/choose`, `resource/unsupported`
 */
export function routeTo(context: Context, profile: StoredProfile, database: Database, chosen: ChosenValues): DatabaseRoute {
  const { name, cluster, dbProtocol } = database
  if (databaseAlpn(dbProtocol) === undefined) throw new PorticoError('resource/unsupported', { protocol: dbProtocol })
  const known = knownOf(context, profile, database.id, database)
  return {
    cluster,
    name,
    dbProtocol,
    databaseUser: chooseUser(chosen.databaseUser, known),
    databaseName: chosen.databaseName ?? database.databaseName ?? '',
  }
}
