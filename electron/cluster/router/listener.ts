import { createServer, type Server, type Socket } from 'node:net'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { ConnectionCount } from './connection-count.ts'
import { addressOf, codeOf, describe, type ConnectionFacts } from './serve-connection.ts'

/** Told of every connection of a listener, in order; must not throw. */
export interface ConnectionObserver {
  opened(listener: string, socket: Socket): void
  /** One too many: cut at once, and told neither as opened nor as closed. */
  refused(listener: string, limit: 'total' | 'address'): void
  closed(listener: string, socket: Socket, line: ConnectionLine): void
  /** What came inside a connection upgrade has ended; its bytes are those of the outer connection. */
  upgraded(line: ConnectionLine): void
}

/** What is known of a connection that has ended. `served` = a handler had it; else `cause` says why none had. */
export type ConnectionLine = ReturnType<typeof describe>

export interface ListenerOptions {
  /** For the log and the metrics: `web`, `tunnel`, … */
  readonly name: string
  readonly listen: Address
  /** Owns the socket; must not throw or reject. */
  readonly serve: (socket: Socket, facts: ConnectionFacts) => unknown
  readonly count: ConnectionCount
  readonly log: Log
  /** Absent: a debug line for each connection. */
  readonly observer?: ConnectionObserver | undefined
}

export interface Listener {
  readonly address: Address
  /** Stops accepting at once, lets open connections end by themselves for `drainMs`, then cuts them. Idempotent. */
  close(drainMs: number): Promise<void>
}

/**
 * A bound port whose connections are counted, limited, told and drained.
 * @throws PorticoError `cluster/config` when the port cannot be bound (facts: address, why)
 */
export async function openListener({ name, listen, serve, count, log, observer }: ListenerOptions): Promise<Listener> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 180_000 }, socket => {
    const peer = addressOf(socket)
    const facts: ConnectionFacts = { peer, countedFor: peer.host, cause: '' }
    const started = performance.now()
    socket.on('error', error => (facts.cause ||= codeOf(error)))
    if (!count.add(peer.host)) {
      observer?.refused(name, count.isFull ? 'total' : 'address')
      return void socket.destroy()
    }
    sockets.add(socket)
    observer?.opened(name, socket)
    socket.on('close', () => {
      sockets.delete(socket)
      count.remove(facts.countedFor)
      const line = describe(facts, socket, performance.now() - started)
      if (observer === undefined) log.debug('router.connection', line)
      else observer.closed(name, socket, line)
    })
    void serve(socket, facts)
  })
  await listening(server, listen)
  server.on('error', error => log.error('router.listener', { listener: name, address: formatAddress(listen) }, error))

  const bound = server.address()
  const address = { host: listen.host, port: bound !== null && typeof bound === 'object' ? bound.port : listen.port }
  log.info('router.open', { listener: name, address: formatAddress(address) })
  let closing: Promise<void> | undefined
  const close = async (drainMs: number): Promise<void> => {
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    const cut = setTimeout(() => sockets.forEach(socket => socket.destroy()), drainMs)
    await closed
    clearTimeout(cut)
    log.info('router.closed', { listener: name, address: formatAddress(address) })
  }
  return { address, close: drainMs => (closing ??= close(drainMs)) }
}

function listening(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      reject(new PorticoError('cluster/config', { address: formatAddress({ host, port }), why: error.code ?? error.message }, error))
    server.once('error', failed)
    server.listen({ host, port, backlog: 4_096 }, () => {
      server.off('error', failed)
      resolve()
    })
  })
}
