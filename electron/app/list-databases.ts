import { databaseId, type DatabaseId } from '../../shared/ids.ts'
import { databaseAlpn } from '../../shared/protocols.ts'
import type { Database } from '../../shared/state.ts'
import type { ListedDatabase, ListQuery } from '../client/client.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import type { Context } from './context.ts'
import { defaultDatabase, defaultUser, type Known } from './default-values.ts'
import { stablePort } from './ports.ts'

/** What a cluster lists for this login, with what Connect would use. @param cluster the root's or a leaf's; default: the root */
export async function listDatabases(
  context: Context,
  sessions: AuthSessions,
  profile: StoredProfile,
  query: ListQuery = {},
  signal?: AbortSignal,
  cluster?: string,
): Promise<readonly Database[]> {
  const listed = await sessions.withCluster(profile.proxy, cluster, api => api.listDatabases(query, signal), signal)
  return listed.map(database => shownDatabase(context, profile, database)).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

function shownDatabase(context: Context, profile: StoredProfile, listed: ListedDatabase): Database {
  const id = databaseId(profile.cluster, listed.name, listed.cluster)
  const known = knownOf(context, profile, id, listed)
  const { name, dbProtocol, description, uri, cluster } = listed
  return {
    id,
    name,
    dbProtocol,
    description,
    uri,
    cluster,
    alpn: [...(databaseAlpn(dbProtocol) ?? [])],
    ...(listed.mysqlServerVersion === '' ? {} : { serverVersion: listed.mysqlServerVersion }),
    labels: { ...listed.labels },
    agents: [...listed.agents],
    databaseUsers: [...profile.databaseUsers],
    databaseNames: [...profile.databaseNames],
    databaseUser: defaultUser(known),
    databaseName: defaultDatabase(known),
    port: context.profiles.remembered(id).port ?? stablePort(cluster, 'db', name),
    lastTool: context.profiles.remembered(id).tool ?? null,
  }
}

export function knownOf(
  context: Context,
  profile: StoredProfile,
  id: DatabaseId,
  { dbProtocol, labels }: Pick<ListedDatabase, 'dbProtocol' | 'labels'>,
): Known {
  const { databaseUser, databaseName } = context.profiles.remembered(id)
  return {
    dbProtocol,
    labels,
    user: profile.user,
    allowedUsers: profile.databaseUsers,
    allowedNames: profile.databaseNames,
    lastUser: databaseUser,
    lastName: databaseName,
  }
}
