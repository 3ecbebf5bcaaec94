import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAddress } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { Database, Tunnel, TunnelMode } from '../../shared/state.ts'
import type { DatabaseRoute } from '../client/client.ts'
import { webRoots } from '../client/roots.ts'
import type { Engine, EngineEvent, Listening, OpenConnections } from '../engine/engine.ts'
import type { Remembered, StoredProfile } from '../state/stored-state.ts'
import { chooseProgram } from './addresses.ts'
import type { ClientFiles } from './client-files.ts'
import type { Context } from './context.ts'
import type { CredentialOffice } from './credentials.ts'
import { freePort } from './free-port.ts'
import { choosePort, stablePort } from './ports.ts'
import { listeningTunnel, startingTunnel } from './shown-tunnel.ts'

export type OpenTunnel = Extract<Tunnel, { state: 'open' }>

export interface TunnelRequest {
  readonly profile: StoredProfile
  readonly database: Pick<Database, 'id' | 'name' | 'cluster' | 'dbProtocol' | 'serverVersion'>
  readonly route: DatabaseRoute
  readonly mode?: TunnelMode
  /** 0 = any free one; absent = the resource's own. */
  readonly port?: number | undefined
  /** null = none; absent = the usual one for Postgres. */
  readonly socket?: string | null | undefined
  readonly holdMs?: number | undefined
  /** Passthrough: what its clients are told to bring. */
  readonly files?: ClientFiles
  /** Whether the port becomes this resource's own. Default: when nobody named it. */
  readonly keepPort?: boolean
}

export interface Tunnels {
  list(): readonly Tunnel[]
  /**
   * Starts a tunnel. The same one asked for twice is one tunnel; with other values it replaces the one that runs.
   * @throws PorticoError as Engine.start; the tunnel then stays in the list as `failed`
   */
  start(request: TunnelRequest): Promise<OpenTunnel>
  /** Stops one and starts it anew, where it listened. @throws PorticoError `tunnel/not-found`, and as start() */
  restart(tunnel: string): Promise<OpenTunnel>
  /** What each of the list was asked to be. */
  request(tunnel: string): TunnelRequest | undefined
  /** Its certificate was renewed. */
  certified(tunnels: readonly string[], notAfter: number): void
  /** @throws PorticoError `tunnel/not-found` */
  connections(tunnel: string): Promise<OpenConnections>
  /** @throws PorticoError `tunnel/not-found` */
  closeConnection(tunnel: string, connection: number): Promise<void>
  /** Cancels a start, or closes and drains. A failed one is taken off the list. Idempotent. */
  stop(tunnel: string, drainMs?: number): Promise<void>
  /** Host:port of the proxy that a tunnel leads to. */
  proxyOf(tunnel: string): string | undefined
  close(drainMs?: number): Promise<void>
}

export interface TunnelOptions {
  readonly context: Context
  readonly credentials: CredentialOffice
  /** Opened when the first tunnel starts. */
  readonly engine: () => Promise<Engine>
  /** `counters`: only numbers moved, so it may be told late. */
  onChange(what: 'tunnels' | 'counters'): void
  onEngineEvent?(event: EngineEvent): void
}

interface Entry {
  readonly request: TunnelRequest
  readonly stop: AbortController
  tunnel: Tunnel
  started: Promise<OpenTunnel> | undefined
  stopping: Promise<void> | undefined
}

const HOLD_MS = 60_000
const HOSTS = ['127.0.0.1', '::1'] as const
/** Somebody may take the port between our look and our listening. */
const FREE_PORT_TRIES = 5

export function openTunnels({ context, credentials, engine, onChange, onEngineEvent }: TunnelOptions): Tunnels {
  const entries = new Map<string, Entry>()
  let opened: Promise<Engine> | undefined
  let closed = false
  const remembering = new Set<Promise<void>>()
  let socketFolder: string | undefined

  const theEngine = (): Promise<Engine> => {
    opened ??= engine().then(running => {
      running.onEvent(event => {
        follow(event)
        onEngineEvent?.(event)
      })
      return running
    })
    // A thread that could not be started may start the next time.
    opened.catch(() => {
      opened = undefined
    })
    return opened
  }

  const set = (entry: Entry, tunnel: Tunnel, what: 'tunnels' | 'counters' = 'tunnels'): void => {
    entry.tunnel = tunnel
    onChange(what)
  }

  const follow = (event: EngineEvent): void => {
    const entry = entries.get(event.tunnel)
    if (entry === undefined || (entry.tunnel.state !== 'open' && entry.tunnel.state !== 'stopping')) return
    const { tunnel } = entry
    if (event.type === 'counters') {
      const { connections, waiting, bytesIn, bytesOut } = event
      // A held connection is news: somebody must sign in.
      return set(entry, { ...tunnel, connections, waiting, bytesIn, bytesOut }, waiting === tunnel.waiting ? 'counters' : 'tunnels')
    }
    if (event.type === 'worked') {
      const { databaseUser, databaseName } = entry.request.route
      return remember(entry, { databaseUser, databaseName })
    }
    if (event.type === 'connection') {
      if (event.state === 'open' && tunnel.trouble !== null) return set(entry, { ...tunnel, trouble: null })
      if (event.state === 'failed')
        return set(entry, { ...tunnel, trouble: event.failure ?? { code: 'tunnel/upstream-closed', facts: {} } })
      return
    }
    fail(entry, event.failure)
  }

  const fail = (entry: Entry, failure: ReturnType<PorticoError['toFailure']>): void => {
    credentials.unbind(entry.tunnel.id)
    const { id, resource, kind, name, cluster, dbProtocol, mode, databaseUser, databaseName, alpn, since } = entry.tunnel
    set(entry, { id, resource, kind, name, cluster, dbProtocol, mode, databaseUser, databaseName, alpn, since, state: 'failed', failure })
  }

  /** A user and a name only once they worked: one that was mistyped must not come back by itself. */
  const remember = ({ tunnel: { id, resource } }: Entry, values: Remembered): void => {
    const written = context.profiles
      .remember(resource, values)
      // What cannot be remembered is no reason to close what works.
      .catch((thrown: unknown) => context.log.warn('state.unwritten', { tunnel: id }, thrown))
      .finally(() => remembering.delete(written))
    remembering.add(written)
  }

  const portFor = async ({ database, port }: TunnelRequest): Promise<number> => {
    if (port === 0) return freePort()
    if (port !== undefined) return port
    const held = new Set<number>()
    for (const [id, { port: kept }] of Object.entries(context.profiles.allRemembered()))
      if (kept !== undefined && id !== database.id) held.add(kept)
    for (const { tunnel } of entries.values()) if ('port' in tunnel && tunnel.resource !== database.id) held.add(tunnel.port)
    return choosePort(stablePort(database.cluster, 'db', database.name), context.profiles.remembered(database.id).port, held)
  }

  /** libpq looks for this name in a folder given as host. cli.md "Databases" */
  const socketFor = ({ dbProtocol }: DatabaseRoute, port: number): string | null => {
    if (dbProtocol !== 'postgres' && dbProtocol !== 'cockroachdb') return null
    socketFolder = context.home.makeSocketFolder()
    return socketFolder === undefined ? null : join(socketFolder, `.s.PGSQL.${port}`)
  }

  /** With the last socket its folder goes, which may lie in a folder of everybody's. Sockets of other processes keep it. */
  const leaveSocketFolder = async (): Promise<void> => {
    if (socketFolder === undefined || [...entries.values()].some(({ tunnel }) => tunnel.state !== 'failed')) return
    await rmdir(socketFolder).catch(() => {})
  }

  const listen = async (entry: Entry): Promise<Listening> => {
    const {
      request,
      stop: { signal },
    } = entry
    const { profile, route } = request
    const proxy = parseAddress(profile.proxy, 443)
    if (proxy === undefined) throw new PorticoError('app/bug', { why: 'a profile without an address' })
    const running = await theEngine()
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted()
      const port = await portFor(request)
      const { trust } = profile
      try {
        return await running.start(
          {
            id: entry.tunnel.id,
            dbProtocol: route.dbProtocol,
            mode: entry.tunnel.mode,
            serverVersion: request.database.serverVersion ?? '',
            listen: { hosts: HOSTS, port, socket: request.socket === undefined ? socketFor(route, port) : request.socket },
            upstream: {
              proxy,
              servername: proxy.host,
              roots: await webRoots(trust),
              certificate: profile.webCertificate ?? null,
            },
            holdMs: request.holdMs ?? HOLD_MS,
          },
          signal,
        )
      } catch (thrown) {
        const { code } = PorticoError.from(thrown)
        if (request.port !== 0 || code !== 'tunnel/port-in-use' || tries === FREE_PORT_TRIES) throw thrown
      }
    }
  }

  const begin = async (entry: Entry): Promise<OpenTunnel> => {
    const {
      request,
      stop: { signal },
    } = entry
    const { id } = entry.tunnel
    try {
      credentials.bind(id, request.profile.proxy, request.route)
      const [listening, program] = await Promise.all([listen(entry), chooseProgram(request.route.dbProtocol, context.env)])
      if (signal.aborted) {
        await (await theEngine()).stop(id, 0)
        signal.throwIfAborted()
      }
      const open = { ...listeningTunnel(entry.tunnel, listening, request, program), certificateUntil: credentials.certificateUntil(id) }
      set(entry, open)
      const keepPort = request.keepPort ?? request.port === undefined
      if (keepPort) remember(entry, { port: open.port })
      context.log.info('tunnel.open', { tunnel: id, name: open.name, port: open.port })
      return open
    } catch (thrown) {
      const error = signal.aborted ? new PorticoError('app/cancelled') : PorticoError.from(thrown)
      credentials.unbind(id)
      if (error.code === 'app/cancelled') {
        entries.delete(id)
        onChange('tunnels')
      } else {
        context.log.warn('tunnel.failed', { tunnel: id, name: request.database.name }, error)
        fail(entry, error.toFailure())
      }
      await leaveSocketFolder()
      throw error
    }
  }

  const finish = async (entry: Entry, drainMs: number | undefined): Promise<void> => {
    const { id } = entry.tunnel
    if (entry.tunnel.state === 'starting') {
      entry.stop.abort(new PorticoError('app/cancelled'))
      await entry.started?.catch(() => {})
      return
    }
    if (entry.tunnel.state === 'open') {
      set(entry, { ...entry.tunnel, state: 'stopping' })
      try {
        await (await theEngine()).stop(id, drainMs)
      } catch (thrown) {
        context.log.error('tunnel.stop', { tunnel: id }, thrown)
      }
      credentials.unbind(id)
      context.log.info('tunnel.closed', { tunnel: id })
    }
    entries.delete(id)
    onChange('tunnels')
    await leaveSocketFolder()
  }

  const stop = (id: string, drainMs?: number): Promise<void> => {
    const entry = entries.get(id)
    if (entry === undefined) return Promise.resolve()
    entry.stopping ??= finish(entry, drainMs)
    return entry.stopping
  }

  const runningIn = async (id: string): Promise<Engine> => {
    if (entries.get(id)?.tunnel.state !== 'open') throw new PorticoError('tunnel/not-found', { tunnel: id })
    return theEngine()
  }

  const start: Tunnels['start'] = async request => {
    if (closed) throw new PorticoError('app/cancelled')
    const there = ofResource(request.database.id)
    if (there !== undefined) {
      const isSame = there.stopping === undefined && there.tunnel.state !== 'failed' && sameRequest(there.request, request)
      if (isSame && there.started !== undefined) return there.started
      await stop(there.tunnel.id)
      // Two who replace the same one: the second joins the first's.
      const newer = ofResource(request.database.id)
      if (newer?.started !== undefined && sameRequest(newer.request, request)) return newer.started
      if (closed) throw new PorticoError('app/cancelled')
    }
    const entry: Entry = {
      request,
      stop: new AbortController(),
      tunnel: startingTunnel(request, context.now()),
      started: undefined,
      stopping: undefined,
    }
    entries.set(entry.tunnel.id, entry)
    onChange('tunnels')
    entry.started = begin(entry)
    return entry.started
  }
  const ofResource = (resource: string): Entry | undefined => [...entries.values()].find(({ tunnel }) => tunnel.resource === resource)

  return {
    list: () => [...entries.values()].map(({ tunnel }) => tunnel),
    start,
    stop,
    async restart(id) {
      const entry = entries.get(id)
      if (entry === undefined) throw new PorticoError('tunnel/not-found', { tunnel: id })
      const { tunnel, request } = entry
      // Where any free port was wanted, it is this one now.
      const port = 'port' in tunnel ? tunnel.port : request.port
      await stop(id)
      return start({ ...request, ...(request.port === undefined ? {} : { port }) })
    },
    request: id => entries.get(id)?.request,
    certified(ids, notAfter) {
      for (const id of ids) {
        const entry = entries.get(id)
        if (entry?.tunnel.state === 'open') set(entry, { ...entry.tunnel, certificateUntil: notAfter })
      }
    },
    connections: async id => (await runningIn(id)).connections(id),
    closeConnection: async (id, connection) => (await runningIn(id)).closeConnection(id, connection),
    proxyOf: id => entries.get(id)?.request.profile.proxy,
    async close(drainMs) {
      closed = true
      await Promise.all([...entries.keys()].map(id => stop(id, drainMs)))
      await (await opened?.catch(() => undefined))?.close(drainMs)
      await Promise.all(remembering)
    },
  }
}

function sameRequest(one: TunnelRequest, other: TunnelRequest): boolean {
  const { route: a } = one
  const { route: b } = other
  return (
    a.databaseUser === b.databaseUser &&
    a.databaseName === b.databaseName &&
    one.profile.proxy === other.profile.proxy &&
    (other.port === undefined || other.port === one.port) &&
    (one.mode ?? 'authenticated') === (other.mode ?? 'authenticated')
  )
}
