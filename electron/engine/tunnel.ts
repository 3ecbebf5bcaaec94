import type { Socket } from 'node:net'
import { PorticoError, type Failure } from '../../shared/errors.ts'
import { DATABASE_PROTOCOLS } from '../../shared/protocols.ts'
import type { Log } from '../log/log.ts'
import { Connection, type ConnectionTunnel } from './connection.ts'
import { CredentialCache } from './credential-cache.ts'
import { authenticatedContext, passthroughContext, type DialContext } from './dial.ts'
import { CONNECTIONS_LIMIT, type Credentials, type EngineEvent, type Listening, type OpenConnections, type TunnelPlan } from './engine.ts'
import { openListener, type Listener } from './listener.ts'
import type { PeerOwners } from './peer-owner.ts'

export interface TunnelNeeds {
  readonly ask: (tunnel: string, refused: string | undefined) => Promise<Credentials>
  readonly report: (event: EngineEvent) => void
  /** Its counters changed; asked for with {@link OpenTunnel.counters} when they are told. */
  readonly changed: (tunnel: OpenTunnel) => void
  readonly peers: PeerOwners
  readonly log: Log
  readonly now: () => number
}

/** An open connection is told with the name of its program, if that is found in this time. */
const NAME_MS = 250

export interface OpenTunnel {
  readonly id: string
  readonly listening: Listening
  counters(): EngineEvent
  list(): OpenConnections
  /** Ends one connection at once; one that is gone already is no mistake. */
  cut(connection: number): void
  forget(): void
  /** Idempotent. Connections that carry nothing yet are cut at once, the others after `drainMs`. */
  close(drainMs: number): Promise<void>
}

/** @throws PorticoError of {@link openListener}, `resource/unsupported` */
export async function openTunnel(plan: TunnelPlan, needs: TunnelNeeds): Promise<OpenTunnel> {
  if (!Object.hasOwn(DATABASE_PROTOCOLS, plan.dbProtocol)) throw new PorticoError('resource/unsupported', { protocol: plan.dbProtocol })
  const connections = new Map<number, Connection>()
  const totals = { waiting: 0, bytesIn: 0, bytesOut: 0 }
  let numbered = 0
  let closing: Promise<void> | undefined
  let emptied = (): void => {}
  /** An idle tunnel has none, and most never need one. */
  let bare: DialContext | undefined

  const cache = new CredentialCache({
    ask: refused => needs.ask(plan.id, refused),
    open: credentials => authenticatedContext(plan.upstream, credentials),
    now: needs.now,
  })
  let worked = false
  const side: ConnectionTunnel = {
    plan,
    get worked() {
      return worked
    },
    set worked(value) {
      if (value && !worked) needs.report({ type: 'worked', tunnel: plan.id })
      worked = value
    },
    bare: () => (bare ??= passthroughContext(plan)),
    authenticated: refused => cache.context(refused),
    hasCertificate: () => cache.isFresh(),
    now: needs.now,
    countWaiting: change => {
      totals.waiting += change
      needs.changed(tunnel)
    },
    countIn: bytes => {
      totals.bytesIn += bytes
      needs.changed(tunnel)
    },
    countOut: bytes => {
      totals.bytesOut += bytes
      needs.changed(tunnel)
    },
  }

  const accept = async (local: Socket): Promise<void> => {
    const number = ++numbered
    const connection = new Connection(local, side, needs.peers.ownerOf(local))
    connections.set(number, connection)
    needs.changed(tunnel)
    const named = { type: 'connection', tunnel: plan.id, connection: number } as const
    let opened: Promise<void> | undefined
    const failure = await connection.serve(() => {
      opened = connection.named(NAME_MS).then(() => needs.report({ ...named, state: 'open', from: connection.from }))
    })
    connections.delete(number)
    needs.changed(tunnel)
    await opened
    const { bytesIn, bytesOut, from } = connection
    if (failure === undefined) needs.report({ ...named, state: 'closed', from, bytesIn, bytesOut })
    else {
      needs.log.debug('connection.failed', { tunnel: plan.id, connection: number, code: failure.code, ...failure.facts }, failure)
      needs.report({ ...named, state: 'failed', from, bytesIn, bytesOut, failure: failure.toFailure() })
    }
    if (connections.size === 0) emptied()
  }
  const lost = (error: Error): void => {
    const failure: Failure = { code: 'tunnel/address', facts: { why: 'code' in error ? String(error.code) : error.name } }
    needs.log.warn('tunnel.lost', { tunnel: plan.id }, error)
    needs.report({ type: 'lost', tunnel: plan.id, failure })
    void tunnel.close(0)
  }

  const close = async (drainMs: number): Promise<void> => {
    await listener.close()
    for (const connection of connections.values()) if (!connection.established || drainMs === 0) connection.cut()
    if (connections.size === 0) return
    const cut = setTimeout(() => connections.forEach(connection => connection.cut()), drainMs)
    await new Promise<void>(resolve => (emptied = resolve))
    clearTimeout(cut)
  }
  const tunnel: OpenTunnel = {
    id: plan.id,
    get listening() {
      return { port: listener.port, addresses: listener.addresses, socket: listener.socket }
    },
    counters: () => ({ type: 'counters', tunnel: plan.id, connections: connections.size, ...totals }),
    list: () => ({
      total: connections.size,
      connections: [...connections].slice(0, CONNECTIONS_LIMIT).map(([id, { from, established, since, bytesIn, bytesOut }]) => ({
        id,
        from,
        state: established ? 'open' : 'waiting',
        since,
        bytesIn,
        bytesOut,
      })),
    }),
    cut: connection => connections.get(connection)?.cut(),
    forget: () => cache.forget(),
    close: drainMs => (closing ??= close(drainMs)),
  }
  const listener: Listener = await openListener(plan.listen, local => void accept(local), lost)
  return tunnel
}
