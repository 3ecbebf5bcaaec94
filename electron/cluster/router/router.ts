import type { Address } from '../../../shared/address.ts'
import { ConnectionCount } from './connection-count.ts'
import { openListener } from './listener.ts'
import { ROUTER_LIMITS, type RouterOptions } from './router-options.ts'
import { serveConnection } from './serve-connection.ts'

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
  const { log, listen, observer } = options
  const serving = { ...options, limits: { ...ROUTER_LIMITS, ...options.limits } }
  const count = options.count ?? new ConnectionCount(serving.limits.connections, serving.limits.connectionsPerAddress, log)
  const listener = await openListener({
    name: 'web',
    listen,
    serve: (socket, facts) => serveConnection(socket, facts, serving),
    count,
    log,
    observer,
  })
  return { address: listener.address, close: (drainMs = 5_000) => listener.close(drainMs) }
}
