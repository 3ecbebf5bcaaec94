import type { Database } from '../../../shared/state.ts'
import { listDatabases } from '../../app/list-databases.ts'
import { wordsOf } from '../search-words.ts'
import type { Run } from '../run.ts'
import { withSession } from '../session.ts'
import { table } from '../table.ts'

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
    if (run.say.json) return run.say.value({ databases: databases.map(document) })
    if (databases.length === 0) return run.say.hint('No databases that you may use.')
    run.say.text(...table(['NAME', 'PROTOCOL', 'DESCRIPTION', 'LABELS', 'LOCAL PORT'], databases.map(row)))
  })
}

/** `tunnel`: those of a running engine of this home; a command's own tunnels end with it. */
function document({
  name,
  dbProtocol,
  alpn,
  description,
  labels,
  uri,
  cluster,
  port,
  databaseUsers,
  databaseNames,
  databaseUser,
  databaseName,
}: Database): unknown {
  return {
    name,
    protocol: dbProtocol,
    alpn,
    description,
    labels,
    uri,
    cluster,
    port,
    tunnel: null,
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
