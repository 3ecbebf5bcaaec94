import { assertNever } from '../../../shared/errors.ts'
import type { DatabaseId } from '../../../shared/ids.ts'
import type { Database, Tunnel } from '../../../shared/state.ts'
import { oneLine } from '../../../shared/words.ts'
import type { Status } from '../../parts/StateDot.tsx'
import { shown, text } from '../../words.ts'

/** A database and its tunnel, as one row. */
export interface Entry {
  readonly database: Database
  readonly tunnel: Tunnel | undefined
  readonly status: Status
  readonly favourite: boolean
}

export function statusOf(tunnel: Tunnel | undefined): Status {
  if (tunnel === undefined) return 'idle'
  switch (tunnel.state) {
    case 'starting':
    case 'stopping':
    case 'failed':
      return tunnel.state
    case 'open':
      return tunnel.waiting > 0 ? 'waiting' : tunnel.trouble === null ? 'open' : 'trouble'
    default:
      return assertNever(tunnel)
  }
}

/** A tunnel whose database is not listed (any more, or another cluster's) still gets a row. */
function databaseOf(tunnel: Tunnel): Database {
  return {
    id: tunnel.resource,
    name: tunnel.name,
    dbProtocol: tunnel.dbProtocol,
    alpn: tunnel.alpn,
    description: '',
    labels: {},
    uri: '',
    cluster: tunnel.cluster,
    agents: [],
    databaseUsers: [tunnel.databaseUser],
    databaseNames: [tunnel.databaseName],
    databaseUser: tunnel.databaseUser,
    databaseName: tunnel.databaseName,
    port: 'port' in tunnel ? tunnel.port : 0,
    lastTool: null,
  }
}

const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

/** Databases sorted by name. Kept apart from tunnels, which change often while the list does not. */
export function sortByName(databases: readonly Database[]): readonly Database[] {
  return [...databases].sort((a, b) => byName.compare(a.name, b.name))
}

/** Every database as it is without a tunnel. Made once a list, so that rows of what does not run stay the same objects. */
export function idleEntries(sorted: readonly Database[], favourites: ReadonlySet<DatabaseId>): readonly Entry[] {
  return sorted.map(database => ({ database, tunnel: undefined, status: 'idle', favourite: favourites.has(database.id) }))
}

export function entriesOf(idle: readonly Entry[], tunnels: readonly Tunnel[], favourites: ReadonlySet<DatabaseId>): readonly Entry[] {
  const byResource = new Map(tunnels.map(tunnel => [tunnel.resource, tunnel]))
  const entries = idle.map(entry => {
    const tunnel = byResource.get(entry.database.id)
    if (tunnel === undefined) return entry
    byResource.delete(entry.database.id)
    return { ...entry, tunnel, status: statusOf(tunnel) }
  })
  const unlisted = [...byResource.values()].map(tunnel => ({
    database: databaseOf(tunnel),
    tunnel,
    status: statusOf(tunnel),
    favourite: favourites.has(tunnel.resource),
  }))
  return [...unlisted, ...entries]
}

/** A tunnel that starts stays where it was clicked; it moves up once there is something to say about it. */
export function isRunning({ status }: Entry): boolean {
  return status !== 'idle' && status !== 'starting'
}

export function portOf({ database, tunnel }: Entry): number {
  return tunnel !== undefined && 'port' in tunnel ? tunnel.port : database.port
}

/** Where a program connects; the same before the tunnel runs. */
export function addressOf(entry: Entry): string {
  return `localhost:${portOf(entry)}`
}

export function isListening({ tunnel }: Entry): boolean {
  return tunnel?.state === 'open'
}

/** The second line of a row: its labels or, when something is wrong, the reason. */
export function noteOf(
  { database, tunnel, status }: Entry,
  unreachable: string | undefined,
): { readonly text: string; readonly tone: 'plain' | 'warn' | 'bad' } {
  if (tunnel?.state === 'failed') return { text: shown(oneLine(tunnel.failure)), tone: 'bad' }
  if (tunnel?.state === 'starting')
    return { text: unreachable === undefined ? text.row.starting : text.row.waitingForProxy(unreachable), tone: 'plain' }
  if (tunnel?.state === 'stopping') return { text: text.row.stopping, tone: 'plain' }
  if (status === 'waiting' && tunnel?.state === 'open') return { text: text.row.waiting(tunnel.waiting), tone: 'warn' }
  if (tunnel?.state === 'open' && tunnel.trouble !== null) return { text: shown(oneLine(tunnel.trouble)), tone: 'warn' }
  const labels = shownLabels(database)
    .map(([key, value]) => `${key}=${value}`)
    .join(' · ')
  return { text: shown(labels || database.description) || text.row.noLabels, tone: 'plain' }
}

/** Labels that say something to a person; those that clusters put there for machines can still be searched. */
export function shownLabels(database: Database): readonly (readonly [string, string])[] {
  return Object.entries(database.labels).filter(([key]) => !/^(teleport\.(dev|internal|hidden)|portico)\//.test(key))
}

export type ActionName = 'connect' | 'cancel' | 'disconnect' | 'again' | 'closing'

/** What the one button of a row does. */
export function actionOf(status: Status): ActionName {
  switch (status) {
    case 'idle':
      return 'connect'
    case 'starting':
      return 'cancel'
    case 'open':
    case 'waiting':
    case 'trouble':
      return 'disconnect'
    case 'stopping':
      return 'closing'
    case 'failed':
      return 'again'
    default:
      return assertNever(status)
  }
}
