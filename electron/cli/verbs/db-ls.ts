import type { Database, Tunnel } from '../../../shared/state.ts'
import { listDatabases } from '../../app/list-databases.ts'
import { withEngine } from '../engine-of-home.ts'
import { wordsOf } from '../search-words.ts'
import type { Run } from '../run.ts'
import { withSession } from '../session.ts'
import { table } from '../table.ts'
import { tunnelDocument } from '../tunnel-document.ts'

interface Options {
  readonly search?: string
  readonly query?: string
  readonly allClusters?: boolean
}

export function dbLs(run: Run, _args: readonly string[], { search, query, allClusters = false }: Options): Promise<void> {
  return withSession(run, async ({ context, profile, sessions }) => {
    const wanted = { ...(search === undefined ? {} : { search: wordsOf(search) }), ...(query === undefined ? {} : { predicate: query }) }
    const profiles = allClusters ? context.profiles.list().filter(({ validUntil }) => validUntil > context.now()) : [profile]
    const { cluster } = run.globals
    const { signal } = run.lifetime
    const lists = await Promise.all(
      profiles.map(one => listDatabases(context, sessions, one, wanted, signal, allClusters ? undefined : cluster)),
    )
    const databases = lists.flat().filter(database => cluster === undefined || database.cluster === cluster)
    if (run.say.json) {
      const tunnels = await engineTunnels(run)
      return run.say.value({
        databases: databases.map(database =>
          document(
            database,
            tunnels.find(({ resource }) => resource === database.id),
          ),
        ),
      })
    }
    if (databases.length === 0) return run.say.hint('No databases that you may use.')
    run.say.text(...table(['NAME', 'PROTOCOL', 'DESCRIPTION', 'LABELS', 'LOCAL PORT'], databases.map(row)))
  })
}

/** Those of the running engine; a command's own tunnels end with it. An engine that does not answer is no reason to show nothing. */
async function engineTunnels(run: Run): Promise<readonly Tunnel[]> {
  return withEngine(run, async engine => (await engine?.ask('state.read', {}))?.state.tunnels ?? []).catch(() => [])
}

function document(database: Database, tunnel: Tunnel | undefined): unknown {
  const { name, dbProtocol, alpn, description, labels, uri, cluster, port } = database
  const { databaseUsers, databaseNames, databaseUser, databaseName } = database
  return {
    name,
    protocol: dbProtocol,
    alpn,
    description,
    labels,
    uri,
    cluster,
    port,
    tunnel: tunnel === undefined ? null : tunnelDocument(tunnel),
    databaseUsers,
    databaseNames,
    databaseUser,
    databaseName,
  }
}

const row = ({ name, dbProtocol, description, labels, port }: Database): readonly string[] => [
  name,
  dbProtocol,
  description,
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(','),
  String(port),
]
