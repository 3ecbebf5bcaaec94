import { createServer, type Server, type Socket } from 'node:net'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { ConnectionCount } from './connection-count.ts'
import { ROUTER_LIMITS, type RouterOptions } from './router-options.ts'
import { addressOf, codeOf, describe, serveConnection, type ConnectionFacts } from './serve-connection.ts'

export interface Router {
  readonly address: Address
  /** Stops accepting at once, lets open connections end by themselves for `drainMs` (default 5 000), then cuts them. Idempotent. */
  close(drainMs?: number): Promise<void>
}

/**
 * The single port of a cluster: looks at the first bytes and the ClientHello, chooses a handler by SNI and ALPN, ends TLS where the
 * route says so. Teleport: lib/srv/alpnproxy/proxy.go; RFD 39; wire/alpn-sni.md 3.
 * @throws PorticoError `cluster/config` when the port cannot be bound (facts: address, why)
 */
export async function openRouter(options: RouterOptions): Promise<Router> {
  const { log, listen } = options
  const serving = { ...options, limits: { ...ROUTER_LIMITS, ...options.limits } }
  const sockets = new Set<Socket>()
  const count = new ConnectionCount(serving.limits.connections, serving.limits.connectionsPerAddress, log)
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 180_000 }, socket => {
    const facts: ConnectionFacts = { peer: addressOf(socket), cause: '' }
    const started = performance.now()
    socket.on('error', error => (facts.cause ||= codeOf(error)))
    if (!count.add(facts.peer.host)) return void socket.destroy()
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      count.remove(facts.peer.host)
      log.debug('router.connection', describe(facts, socket, performance.now() - started))
    })
    void serveConnection(socket, facts, serving)
  })
  await listening(server, listen)
  server.on('error', error => log.error('router.listener', { address: formatAddress(listen) }, error))

  const bound = server.address()
  const address = { host: listen.host, port: bound !== null && typeof bound === 'object' ? bound.port : listen.port }
  log.info('router.open', { address: formatAddress(address) })
  let closing: Promise<void> | undefined
  const close = async (drainMs: number): Promise<void> => {
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    const cut = setTimeout(() => sockets.forEach(socket => socket.destroy()), drainMs)
    await closed
    clearTimeout(cut)
    log.info('router.closed', { address: formatAddress(address) })
  }
  return { address, close: (drainMs = 5_000) => (closing ??= close(drainMs)) }
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
