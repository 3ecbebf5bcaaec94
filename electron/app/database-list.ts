import { PorticoError } from '../../shared/errors.ts'
import type { Database } from '../../shared/state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import type { Clusters } from './clusters.ts'
import type { Context } from './context.ts'
import { listDatabases } from './list-databases.ts'
import type { StateBox } from './state-box.ts'

export interface DatabaseListNeeds {
  readonly context: Context
  readonly sessions: AuthSessions
  readonly box: StateBox
  readonly clusters: Pick<Clusters, 'shown' | 'refresh'>
  /** The cluster itself called the session of this proxy ended. */
  onSessionEnded(proxy: string): void
}

export interface ShownDatabases {
  /** Asks the cluster on show anew; the outcome, good or bad, is in the state. */
  refresh(): Promise<void>
  /** @returns undefined for what is not on show */
  listed(resource: string): Database | undefined
  close(): void
}

/** A database that was just added is seen without asking. */
const LIST_AGAIN_MS = 60_000

/** The databases of the cluster on show, as a slice of the state. */
export function showDatabases({ context, sessions, box, clusters, onSessionEnded }: DatabaseListNeeds): ShownDatabases {
  let listing: { readonly stop: AbortController } | undefined
  /** Whose databases are on show: proxy and cluster. */
  let listedFor: string | undefined

  const refresh = async (): Promise<void> => {
    const profile = context.profiles.current()
    listing?.stop.abort()
    listing = undefined
    if (profile === undefined) return box.change({ databases: { state: 'idle', items: [], failure: null }, clusters: [] })
    const mine = { stop: new AbortController() }
    listing = mine
    const shownBefore = box.read().state.databases
    const cluster = clusters.shown(profile)
    const place = JSON.stringify([profile.proxy, cluster])
    const items = listedFor === place ? shownBefore.items : []
    void clusters.refresh(profile, mine.stop.signal)
    box.change({ databases: { state: 'loading', items, failure: null } })
    try {
      const listed = await listDatabases(context, sessions, profile, {}, mine.stop.signal, cluster)
      if (listing !== mine) return
      listedFor = place
      box.change({ databases: { state: 'ready', items: [...listed], failure: null } })
    } catch (thrown) {
      if (listing !== mine) return
      const error = PorticoError.from(thrown)
      context.log.warn('databases.failed', { proxy: profile.proxy }, error)
      box.change({ databases: { state: 'failed', items, failure: error.toFailure() } })
      if (error.code === 'login/expired' || error.code === 'login/required') onSessionEnded(profile.proxy)
    } finally {
      if (listing === mine) listing = undefined
    }
  }

  const again = setInterval(() => {
    if (box.watched && listing === undefined && box.read().state.session.state === 'active') void refresh()
  }, LIST_AGAIN_MS)
  again.unref()

  return {
    refresh,
    listed: resource => box.read().state.databases.items.find(({ id }) => id === resource),
    close() {
      clearInterval(again)
      listing?.stop.abort()
    },
  }
}
