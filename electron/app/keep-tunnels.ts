import { parseDatabaseId } from '../../shared/ids.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { StoredTunnel } from '../state/stored-state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import { writeClientFiles } from './client-files.ts'
import type { Context } from './context.ts'
import { passthroughFiles } from './passthrough-files.ts'
import type { TunnelRequest, Tunnels } from './tunnels.ts'

export interface KeepNeeds {
  readonly context: Context
  readonly sessions: AuthSessions
  readonly tunnels: Tunnels
  readonly signal: AbortSignal
}

export interface KeptTunnels {
  /** Starts what ran when the engine last ended, also when its login is over: it then listens, and holds connections. */
  restore(): void
  /** The list changed: what runs now comes back after the next start. */
  changed(): void
  /** Clients of passthrough tunnels get files of the new login. */
  signedIn(proxy: string): void
  /** From now on the list is not followed: tunnels that close with the engine come back. Resolves when all is written. */
  close(): Promise<void>
}

/** A disk that was full may have room again, ms. */
const WRITE_AGAIN_MS = 10_000

/** The tunnels of the engine outlive it, in the state file. */
export function keepTunnels({ context, sessions, tunnels, signal }: KeepNeeds): KeptTunnels {
  /** Ids of those that were open once: a start that failed at once is not worth another. */
  const ran = new Set<string>()
  let kept = JSON.stringify(context.profiles.tunnels())
  let writing: Promise<void> | undefined
  let restoring = 0
  let closed = false
  let again: NodeJS.Timeout | undefined

  const wanted = (): readonly StoredTunnel[] =>
    tunnels.list().flatMap(tunnel => {
      const request = tunnels.request(tunnel.id)
      if (tunnel.state === 'open') ran.add(tunnel.id)
      return request !== undefined && ran.has(tunnel.id) && tunnel.state !== 'stopping'
        ? [storedOf(request, 'port' in tunnel ? tunnel.port : undefined)]
        : []
    })

  /** One write at a time, always of the newest: 50 tunnels that open at once are a few writes. */
  const write = async (): Promise<void> => {
    for (;;) {
      const list = wanted()
      const text = JSON.stringify(list)
      if (text === kept) return
      await context.profiles.keepTunnels(list)
      kept = text
    }
  }
  const changed = (): void => {
    // While they come back one by one, the list on disk is the better one.
    if (closed || restoring > 0 || writing !== undefined) return
    clearTimeout(again)
    writing = write()
      .catch((thrown: unknown) => {
        context.log.warn('tunnels.unwritten', {}, thrown)
        again = setTimeout(changed, WRITE_AGAIN_MS)
        again.unref()
      })
      .finally(() => {
        writing = undefined
      })
  }

  const bringBack = async (stored: StoredTunnel): Promise<void> => {
    const { proxy, name, cluster, dbProtocol, serverVersion, mode, databaseUser, databaseName, port } = stored
    const profile = context.profiles.get(proxy)
    const id = parseDatabaseId(stored.resource)
    if (profile === undefined || id === undefined) return
    const route = { cluster, name, dbProtocol, databaseUser, databaseName }
    const files = mode === 'passthrough' ? { files: await passthroughFiles(context, sessions, profile, route, signal, 'kept') } : {}
    const database = { id, name, cluster, dbProtocol, ...(serverVersion === undefined ? {} : { serverVersion }) }
    const started = tunnels.start({ profile, database, route, mode, keepPort: port === null, ...(port === null ? {} : { port }), ...files })
    const shown = tunnels.list().find(({ resource }) => resource === id)
    if (shown !== undefined) ran.add(shown.id)
    await started
  }

  return {
    restore() {
      const stored = context.profiles.tunnels()
      restoring = stored.length
      for (const tunnel of stored)
        bringBack(tunnel)
          .catch((thrown: unknown) => context.log.warn('tunnel.not-restored', { name: tunnel.name, code: PorticoError.from(thrown).code }))
          .finally(() => {
            if (--restoring === 0) changed()
          })
    },
    changed,
    signedIn(proxy) {
      for (const { id, mode } of tunnels.list()) {
        const request = tunnels.request(id)
        const profile = context.profiles.get(proxy)
        if (mode !== 'passthrough' || request?.profile.proxy !== proxy || profile === undefined) continue
        writeClientFiles(context, sessions, profile, request.route, signal).catch((thrown: unknown) =>
          context.log.warn('tunnel.files', { tunnel: id }, thrown),
        )
      }
    },
    async close() {
      closed = true
      clearTimeout(again)
      await writing
    },
  }
}

function storedOf({ profile, database, route, mode = 'authenticated', port }: TunnelRequest, listens: number | undefined): StoredTunnel {
  return {
    resource: database.id,
    proxy: profile.proxy,
    name: database.name,
    cluster: database.cluster,
    dbProtocol: route.dbProtocol,
    serverVersion: database.serverVersion,
    mode,
    databaseUser: route.databaseUser,
    databaseName: route.databaseName,
    port: port === undefined ? null : (listens ?? (port === 0 ? null : port)),
  }
}
