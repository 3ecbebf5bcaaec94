import { PorticoError } from '../../shared/errors.ts'
import type { Answers } from '../../shared/contract.ts'
import type { Change, Database } from '../../shared/state.ts'
import { openEngine } from '../engine/open-engine.ts'
import type { Log } from '../log/log.ts'
import type { Home } from '../state/home.ts'
import { openAuthSessions } from './auth-sessions.ts'
import { findProfile } from './choose-profile.ts'
import { openClusters } from './clusters.ts'
import { openContext, type Context } from './context.ts'
import { openCredentials } from './credentials.ts'
import { openFavourites } from './favourites.ts'
import { routeTo } from './find-database.ts'
import { hostLab } from './host-lab.ts'
import { issueCredentials } from './issue-credentials.ts'
import { listDatabases } from './list-databases.ts'
import { logIn } from './log-in.ts'
import { logOut } from './log-out.ts'
import { logAnswers } from './log-answers.ts'
import { lookAtProxy, PLAIN_TRUST, readCaFile } from './look-at-proxy.ts'
import { watchProxy } from './proxy-health.ts'
import { openSettingsAnswers } from './settings-answers.ts'
import { showSession } from './show-session.ts'
import type { PorticoCommand } from './start-lab.ts'
import { openStateBox } from './state-box.ts'
import { openTunnels } from './tunnels.ts'
import { useProfile } from './use-profile.ts'

export interface AppOptions {
  readonly home: Home
  readonly log: Log
  /** The data plane's bundle. */
  readonly workerFile: URL
  readonly portico: PorticoCommand
  readonly threads?: number
  readonly now?: () => number
}

/** Questions whose answers are on their way to this branch. */
type Unanswered = 'tunnel.restart' | 'tunnel.connections' | 'connection.close' | 'tools.list' | 'tools.open' | 'engine.stop'

export interface App {
  readonly answers: Omit<Answers, 'clipboard.copy' | 'trust.choose' | 'log.export' | Unanswered>
  /** Keeps a CA file, chosen in a dialog, for the next `login.look` of this proxy. @throws PorticoError `usage/invalid` */
  trustFile(proxy: string, path: string): Promise<void>
  onChange(listener: (change: Change) => void): () => void
  /** Drains tunnels (≤ 5 s) and stops a lab of ours. Idempotent. */
  close(): Promise<void>
}

/** Counters are told at most this often. */
const COUNTERS_MS = 250
const DRAIN_MS = 5_000
/** A database that was just added is seen without asking. */
const LIST_AGAIN_MS = 60_000

/** All that the window's engine does, behind the contract: holds the AppState, runs the use cases, turns each failure into state. */
export async function openApp(options: AppOptions): Promise<App> {
  const { log, home, workerFile, portico, threads, now } = options
  const context: Context = await openContext({ log, home, ...(now === undefined ? {} : { now }) })
  const box = openStateBox()
  const favourites = openFavourites(context, box)
  const settings = await openSettingsAnswers(home, box, () => tellSession())
  const sessions = openAuthSessions(context)
  const closing = new AbortController()
  const trustFiles = new Map<string, readonly string[]>()
  const dismissed = new Set<string>()
  let listing: { readonly stop: AbortController } | undefined
  let countersTimer: NodeJS.Timeout | undefined
  let expiryTimer: NodeJS.Timeout | undefined
  let closed: Promise<void> | undefined

  const credentials = openCredentials({
    now: context.now,
    login(proxy) {
      const profile = context.profiles.get(proxy)
      return profile === undefined ? undefined : { validUntil: profile.validUntil, fingerprint: `${profile.user} ${profile.validUntil}` }
    },
    issue: (proxy, route, expires, signal) => issueCredentials(sessions, proxy, route, expires, signal),
    onEvent(event) {
      if (event.type === 'login-needed') sessionEnded(event.proxy)
      if (event.type !== 'renewed')
        log.info(`credentials.${event.type}`, event.type === 'failed' ? { code: event.failure.code } : { proxy: event.proxy })
      tellSession()
    },
  })
  /** Proxies that called a session ended before our clock did, and when. */
  const endedEarly = new Map<string, number>()
  const sessionEnded = (proxy: string): void => {
    if (!endedEarly.has(proxy)) endedEarly.set(proxy, context.now())
  }

  const tunnels = openTunnels({
    context,
    credentials,
    engine: () => openEngine({ workerFile, log, credentials, ...(threads === undefined ? {} : { threads }) }),
    onChange(what) {
      if (what === 'tunnels') return tellTunnels()
      countersTimer ??= setTimeout(tellTunnels, COUNTERS_MS)
    },
    onEngineEvent(event) {
      if (event.type === 'connection' && event.state === 'failed' && event.failure?.code.startsWith('proxy/') === true) health.lookNow()
    },
  })

  const tellTunnels = (): void => {
    clearTimeout(countersTimer)
    countersTimer = undefined
    box.change({ tunnels: [...tunnels.list()] })
    tellSession()
  }

  /** Session, profiles and notices, only what really changed. */
  const tellSession = (): void => {
    if (closing.signal.aborted) return
    const { session, profiles, notices } = showSession(context, tunnels, endedEarly)
    const shown = [...notices, ...settings.notices()].filter(({ id }) => !dismissed.has(id))
    const { state } = box.read()
    const slices = {
      ...(same(state.session, session) ? {} : { session }),
      ...(same(state.profiles, profiles) ? {} : { profiles }),
      ...(same(state.notices, shown) ? {} : { notices: shown }),
    }
    if (Object.keys(slices).length > 0) box.change(slices)
    clearTimeout(expiryTimer)
    if (session.state !== 'active') return
    // A timer cannot be longer than 2^31 ms; it looks again then.
    expiryTimer = setTimeout(tellSession, Math.min(Math.max(session.profile.validUntil - context.now(), 0) + 50, 2 ** 31 - 1))
    expiryTimer.unref()
  }

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
      if (error.code === 'login/expired' || error.code === 'login/required') sessionEnded(profile.proxy)
      log.warn('databases.failed', { proxy: profile.proxy }, error)
      box.change({ databases: { state: 'failed', items, failure: error.toFailure() } })
      tellSession()
    } finally {
      if (listing === mine) listing = undefined
    }
  }
  /** Whose databases are on show: proxy and cluster. */
  let listedFor: string | undefined
  const clusters = openClusters({ context, box, listAgain: refresh })

  const health = watchProxy({
    profile: () => context.profiles.current(),
    wanted: () => box.watched || tunnels.list().length > 0,
    now: context.now,
    onChange(proxy) {
      const wasReachable = box.read().state.proxy.reachable
      box.change({ proxy })
      if (proxy.reachable && !wasReachable) void refresh()
    },
  })

  /** After a sign-in here or elsewhere: what waited goes on. */
  const signedIn = (proxy: string): void => {
    endedEarly.delete(proxy)
    sessions.drop(proxy)
    credentials.signedIn(proxy)
    tellSession()
    health.lookNow()
  }

  const stopTunnelsOf = (proxy: string): Promise<unknown> =>
    Promise.all(
      tunnels
        .list()
        .filter(({ id }) => tunnels.proxyOf(id) === proxy)
        .map(({ id }) => tunnels.stop(id, 0)),
    )

  let known = new Map(context.profiles.list().map(({ proxy, validUntil }) => [proxy, validUntil]))
  let currentProxy = context.profiles.current()?.proxy
  /** Compares what is stored with what was known: a login, logout or `use`, in this process or another. */
  const followProfiles = (): void => {
    const before = known
    known = new Map(context.profiles.list().map(({ proxy, validUntil }) => [proxy, validUntil]))
    for (const [proxy, validUntil] of known) if (before.get(proxy) !== validUntil) signedIn(proxy)
    for (const proxy of before.keys()) {
      if (known.has(proxy)) continue
      sessions.drop(proxy)
      credentials.signedOut(proxy)
      stopTunnelsOf(proxy).catch((thrown: unknown) => log.error('tunnel.stop', { proxy }, thrown))
    }
    tellSession()
    favourites.tell()
    const current = context.profiles.current()?.proxy
    const isRenewed = current !== undefined && before.get(current) !== known.get(current)
    if (current === currentProxy && !isRenewed) return
    if (current !== currentProxy) health.forget()
    currentProxy = current
    void refresh()
  }
  const stopFollowing = context.profiles.onChange(followProfiles)

  const trustFor = (proxy: string) => {
    const chosen = trustFiles.get(proxy)
    const stored = findProfile(context, proxy)?.trust
    if (chosen === undefined) return stored ?? PLAIN_TRUST
    return { ...(stored ?? PLAIN_TRUST), extraRoots: chosen }
  }

  const signIn = async (
    proxy: string,
    user: string,
    password: string,
    code: string | undefined,
    trust = trustFor(proxy),
  ): Promise<string> => {
    const looked = await lookAtProxy(proxy, trust, closing.signal)
    const profile = await logIn(context, { looked, user, password, code, trust }, closing.signal)
    for (const name of [proxy, profile.proxy]) trustFiles.delete(name)
    followProfiles()
    return profile.proxy
  }

  const lab = hostLab({
    context,
    portico,
    signal: closing.signal,
    show: state => box.change({ lab: state }),
    signIn: (running, extraRoots) => signIn(running.proxy, running.user, running.password, undefined, { ...PLAIN_TRUST, extraRoots }),
    onLogout: followProfiles,
  })

  const findListed = (resource: string): Database => {
    const found = box.read().state.databases.items.find(({ id }) => id === resource)
    if (found === undefined) throw new PorticoError('resource/not-found', { kind: 'database', name: resource })
    return found
  }

  const answers: App['answers'] = {
    ...settings.answers,
    ...favourites.answers,
    ...clusters.answers,
    ...logAnswers(home),
    'state.read': async () => box.read(),
    async 'login.look'({ proxy }) {
      const { form } = await lookAtProxy(proxy, trustFor(proxy), closing.signal)
      // What was chosen for the name that was typed counts for the name that the proxy gives itself.
      const chosen = trustFiles.get(proxy)
      if (chosen !== undefined) trustFiles.set(form.proxy, chosen)
      return form
    },
    async 'login.submit'({ proxy, user, password, code }) {
      const name = await signIn(proxy, user, password, code)
      const found = showSession(context, tunnels, endedEarly).profiles.find(profile => profile.proxy === name)
      if (found === undefined) throw new PorticoError('app/bug', { why: 'a profile was not kept' })
      return found
    },
    async 'login.end'({ proxy }) {
      const found = findProfile(context, proxy)
      if (found === undefined) throw new PorticoError('profile/not-found', { name: proxy })
      await stopTunnelsOf(found.proxy)
      await logOut(context, found.proxy)
      followProfiles()
      return {}
    },
    async 'profile.use'({ proxy }) {
      await useProfile(context, proxy)
      followProfiles()
      return {}
    },
    async 'lab.start'() {
      await lab.start()
      return {}
    },
    async 'databases.refresh'() {
      await refresh()
      return {}
    },
    async 'tunnel.start'({ resource, databaseUser, databaseName, port }) {
      const profile = context.profiles.current()
      if (profile === undefined) throw new PorticoError('login/required', {})
      const database = findListed(resource)
      const route = routeTo(context, profile, database, { databaseUser, databaseName })
      return tunnels.start({ profile, database, route, port, keepPort: port !== 0 })
    },
    async 'tunnel.stop'({ tunnel }) {
      await tunnels.stop(tunnel)
      return {}
    },
    async 'notice.dismiss'({ id }) {
      dismissed.add(id)
      tellSession()
      return {}
    },
  }

  tellSession()
  if (currentProxy !== undefined) void refresh()
  lab.resume()
  const again = setInterval(() => {
    if (box.watched && listing === undefined && box.read().state.session.state === 'active') void refresh()
  }, LIST_AGAIN_MS)
  again.unref()

  return {
    answers,
    async trustFile(proxy, path) {
      trustFiles.set(proxy, await readCaFile(path))
    },
    onChange: box.onChange,
    close() {
      closed ??= (async () => {
        closing.abort(new PorticoError('app/cancelled'))
        stopFollowing()
        health.close()
        listing?.stop.abort()
        clearInterval(again)
        clearTimeout(expiryTimer)
        settings.close()
        await tunnels.close(DRAIN_MS)
        clearTimeout(countersTimer)
        sessions.close()
        await lab.close()
        context.close()
      })()
      return closed
    },
  }
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)
