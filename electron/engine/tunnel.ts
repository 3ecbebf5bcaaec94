import type { Socket } from 'node:net'
import { PorticoError, type Failure } from '../../shared/errors.ts'
import { DATABASE_PROTOCOLS } from '../../shared/protocols.ts'
import type { Log } from '../log/log.ts'
import { Connection, type ConnectionTunnel } from './connection.ts'
import { CredentialCache } from './credential-cache.ts'
import { authenticatedContext, passthroughContext } from './dial.ts'
import type { Credentials, EngineEvent, Listening, TunnelPlan } from './engine.ts'
import { openListener, type Listener } from './listener.ts'

export interface TunnelNeeds {
  readonly ask: (tunnel: string, refused: string | undefined) => Promise<Credentials>
  readonly report: (event: EngineEvent) => void
  /** Its counters changed; asked for with {@link OpenTunnel.counters} when they are told. */
  readonly changed: (tunnel: OpenTunnel) => void
  readonly log: Log
  readonly now: () => number
}

export interface OpenTunnel {
  readonly id: string
  readonly listening: Listening
  counters(): EngineEvent
  forget(): void
  /** Idempotent. Connections that carry nothing yet are cut at once, the others after `drainMs`. */
  close(drainMs: number): Promise<void>
}

/** @throws PorticoError of {@link openListener}, `resource/unsupported` */
export async function openTunnel(plan: TunnelPlan, needs: TunnelNeeds): Promise<OpenTunnel> {
  if (!Object.hasOwn(DATABASE_PROTOCOLS, plan.dbProtocol)) throw new PorticoError('resource/unsupported', { protocol: plan.dbProtocol })
  const connections = new Set<Connection>()
  const totals = { waiting: 0, bytesIn: 0, bytesOut: 0 }
  let numbered = 0
  let closing: Promise<void> | undefined
  let emptied = (): void => {}

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
    bare: passthroughContext(plan.upstream, plan.dbProtocol),
    authenticated: refused => cache.context(refused),
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
    const connection = new Connection(local, side)
    connections.add(connection)
    needs.changed(tunnel)
    const named = { type: 'connection', tunnel: plan.id, connection: number } as const
    const failure = await connection.serve(() => needs.report({ ...named, state: 'open' }))
    connections.delete(connection)
    needs.changed(tunnel)
    const { bytesIn, bytesOut } = connection
    if (failure === undefined) needs.report({ ...named, state: 'closed', bytesIn, bytesOut })
    else {
      needs.log.debug('connection.failed', { tunnel: plan.id, connection: number, code: failure.code, ...failure.facts }, failure)
      needs.report({ ...named, state: 'failed', bytesIn, bytesOut, failure: failure.toFailure() })
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
    for (const connection of connections) if (!connection.established || drainMs === 0) connection.cut()
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
    forget: () => cache.forget(),
    close: drainMs => (closing ??= close(drainMs)),
  }
  const listener: Listener = await openListener(plan.listen, local => void accept(local), lost)
  return tunnel
}
