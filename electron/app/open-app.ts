import { PorticoError } from '../../shared/errors.ts'
import type { Answers, EngineQuestion } from '../../shared/contract.ts'
import type { Change, EngineState } from '../../shared/state.ts'
import { openEngine } from '../engine/open-engine.ts'
import type { Log } from '../log/log.ts'
import type { Home } from '../state/home.ts'
import { openAuthSessions } from './auth-sessions.ts'
import { openClusters } from './clusters.ts'
import { openContext, type Context } from './context.ts'
import { openCredentials } from './credentials.ts'
import { databaseFinder } from './database-finder.ts'
import { showDatabases } from './database-list.ts'
import { openFavourites } from './favourites.ts'
import { hostLab } from './host-lab.ts'
import { issueCredentials } from './issue-credentials.ts'
import { keepTunnels } from './keep-tunnels.ts'
import { logAnswers } from './log-answers.ts'
import { openLogins } from './login-answers.ts'
import { watchProxy } from './proxy-health.ts'
import { openSettingsAnswers } from './settings-answers.ts'
import { watchSession } from './shown-session.ts'
import type { PorticoCommand } from './start-lab.ts'
import { openStateBox, type StateBox } from './state-box.ts'
import { status } from './status.ts'
import { toolAnswers } from './tool-answers.ts'
import { tunnelAnswers } from './tunnel-answers.ts'
import { openTunnels } from './tunnels.ts'
import { watchDisruptions } from './watch-disruptions.ts'

export interface AppOptions {
  readonly home: Home
  readonly log: Log
  /** The data plane's bundle. */
  readonly workerFile: URL
  readonly portico: PorticoCommand
  readonly threads?: number
  readonly now?: () => number
  /** The process that this is a part of. */
  readonly engine: Pick<EngineState, 'host' | 'version'>
  /** Somebody asked for the end of this process. */
  readonly onStop: () => void
}

export interface App {
  readonly answers: Pick<Answers, EngineQuestion>
  /** Keeps a CA file, chosen in a dialog, for the next `login.look` of this proxy. @throws PorticoError `usage/invalid` */
  trustFile(proxy: string, path: string): Promise<void>
  readonly read: StateBox['read']
  onChange(listener: (change: Change) => void): () => void
  /** Drains tunnels (≤ 5 s) and stops a lab of ours. Idempotent. */
  close(): Promise<void>
}

/** Counters are told at most this often. */
const COUNTERS_MS = 250
const DRAIN_MS = 5_000
const STOP_AFTER_MS = 20

/** All that the window's engine does, behind the contract: holds the AppState, runs the use cases, turns each failure into state. */
export async function openApp(options: AppOptions): Promise<App> {
  const { log, home, workerFile, portico, threads, now } = options
  const context: Context = await openContext({ log, home, ...(now === undefined ? {} : { now }) })
  const box = openStateBox({ engine: { ...options.engine, home: home.root, pid: process.pid, since: context.now() } })
  const favourites = openFavourites(context, box)
  const settings = await openSettingsAnswers(home, box, () => session.tell())
  const clusters = openClusters({ context, box, listAgain: () => databases.refresh() })
  const sessions = openAuthSessions(context)
  const closing = new AbortController()
  let countersTimer: NodeJS.Timeout | undefined
  let closed: Promise<void> | undefined

  const credentials = openCredentials({
    now: context.now,
    login(proxy) {
      const profile = context.profiles.get(proxy)
      return profile === undefined ? undefined : { validUntil: profile.validUntil, fingerprint: `${profile.user} ${profile.validUntil}` }
    },
    issue: (proxy, route, expires, signal) => issueCredentials(sessions, proxy, route, expires, signal),
    onEvent(event) {
      if (event.type !== 'renewed')
        log.info(`credentials.${event.type}`, event.type === 'failed' ? { code: event.failure.code } : { proxy: event.proxy })
      if (event.type === 'renewed') tunnels.certified(event.tunnels, event.notAfter)
      if (event.type === 'login-needed') session.ended(event.proxy)
      else session.tell()
    },
  })

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
  const session = watchSession(context, box, tunnels, settings.notices)
  const kept = keepTunnels({ context, sessions, tunnels, signal: closing.signal })

  const tellTunnels = (): void => {
    clearTimeout(countersTimer)
    countersTimer = undefined
    box.change({ tunnels: [...tunnels.list()] })
    kept.changed()
    session.tell()
  }

  const databases = showDatabases({ context, sessions, box, clusters, onSessionEnded: session.ended })
  const health = watchProxy({
    profile: () => context.profiles.current(),
    wanted: () => box.watched || tunnels.list().length > 0,
    now: context.now,
    onChange(proxy) {
      const wasReachable = box.read().state.proxy.reachable
      box.change({ proxy })
      if (proxy.reachable && !wasReachable) void databases.refresh()
    },
  })

  /** After a sign-in here or elsewhere: what waited goes on. */
  const signedIn = (proxy: string): void => {
    sessions.drop(proxy)
    credentials.signedIn(proxy)
    kept.signedIn(proxy)
    session.begun(proxy)
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
    session.tell()
    favourites.tell()
    const current = context.profiles.current()?.proxy
    const isRenewed = current !== undefined && before.get(current) !== known.get(current)
    if (current === currentProxy && !isRenewed) return
    if (current !== currentProxy) health.forget()
    currentProxy = current
    void databases.refresh()
  }
  const stopFollowing = context.profiles.onChange(followProfiles)

  const logins = openLogins({
    context,
    signal: closing.signal,
    shown: () => status(context),
    onChange: followProfiles,
    stopTunnelsOf,
  })
  const lab = hostLab({
    context,
    portico,
    signal: closing.signal,
    show: state => box.change({ lab: state }),
    signIn: ({ proxy, user, password }, extraRoots) => logins.signIn(proxy, user, password, undefined, extraRoots),
    onLogout: followProfiles,
  })

  const find = databaseFinder({ context, sessions, databases, signal: closing.signal })
  const tunnelSide = tunnelAnswers({ context, sessions, tunnels, find, signal: closing.signal })
  const answers: App['answers'] = {
    'state.read': async () => box.read(),
    ...logins.answers,
    ...tunnelSide,
    ...toolAnswers({
      context,
      tunnels,
      find,
      startTunnel: tunnelSide['tunnel.start'],
      terminal: () => settings.value.terminal,
    }),
    ...settings.answers,
    ...favourites.answers,
    ...clusters.answers,
    ...logAnswers(home),
    async 'lab.start'() {
      await lab.start()
      return {}
    },
    async 'databases.refresh'() {
      await databases.refresh()
      return {}
    },
    async 'engine.stop'() {
      // The answer first.
      setTimeout(options.onStop, STOP_AFTER_MS)
      return {}
    },
    async 'notice.dismiss'({ id }) {
      session.dismissNotice(id)
      return {}
    },
  }

  const disruptions = watchDisruptions({
    now: context.now,
    onDisruption(what) {
      log.info('app.disrupted', { what })
      // Sockets of before may hang for minutes; a look that is under way is one of them.
      for (const { proxy } of context.profiles.list()) sessions.drop(proxy)
      session.tell()
      health.forget()
      health.lookNow()
    },
  })

  session.tell()
  if (box.read().state.settings.restoreTunnels) kept.restore()
  if (currentProxy !== undefined) void databases.refresh()
  // Without a window nobody wants to see a lab start by itself.
  if (options.engine.host === 'app') lab.resume()

  return {
    answers,
    trustFile: logins.trustFile,
    read: box.read,
    onChange: box.onChange,
    close() {
      closed ??= (async () => {
        closing.abort(new PorticoError('app/cancelled'))
        stopFollowing()
        disruptions.close()
        health.close()
        databases.close()
        settings.close()
        session.close()
        await kept.close()
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
