import { BlockList, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { ConnectionCount } from './connection-count.ts'
import { openListener } from './listener.ts'
import type { Handshake } from './route.ts'
import { ROUTER_LIMITS, type RouterOptions } from './router-options.ts'
import { codeOf, describe, serveConnection, type ConnectionFacts, type ServingOptions } from './serve-connection.ts'

export interface Router {
  readonly address: Address
  /**
   * Routes what comes inside an HTTP connection upgrade: TLS again, ended with the host certificate. Owns the stream from then on.
   * wire/alpn-sni.md 7.5
   */
  serveUpgraded(stream: Duplex, outer: Pick<Handshake, 'client'>): Promise<void>
  /** Stops accepting at once, lets open connections end by themselves for `drainMs` (default 5 000), then cuts them. Idempotent. */
  close(drainMs?: number): Promise<void>
}

/**
 * The single port of a cluster: looks at the first bytes and the ClientHello, chooses a handler by SNI and ALPN, ends TLS where the
 * route says so. Teleport: lib/srv/alpnproxy/proxy.go; RFD 39; wire/alpn-sni.md 3.
 * @throws PorticoError `cluster/config` when the port cannot be bound (facts: address, why), or a CIDR block is none
 */
export async function openRouter(options: RouterOptions): Promise<Router> {
  const { log, listen, observer } = options
  const limits = { ...ROUTER_LIMITS, ...options.limits }
  const count = options.count ?? new ConnectionCount(limits.connections, limits.connectionsPerAddress, log)
  const serving: ServingOptions = { ...options, limits, count, upgraded: false, mayForward: forwarders(options) }
  // The HTTP request proved that somebody is there: the hello has its whole time.
  const inner: ServingOptions = {
    ...serving,
    limits: { ...limits, firstBytesMs: limits.clientHelloMs },
    upgraded: true,
    mayForward: () => false,
  }
  const listener = await openListener({
    name: options.name ?? 'web',
    listen,
    serve: (socket, facts) => serveConnection(socket, facts, serving),
    count,
    log,
    observer,
  })
  return {
    address: listener.address,
    serveUpgraded(stream, { client }) {
      // The outer connection is the one that counts.
      const facts: ConnectionFacts = { peer: client, countedFor: client.host, cause: '' }
      const started = performance.now()
      stream.on('error', error => (facts.cause ||= codeOf(error)))
      stream.once('close', () => {
        const line = describe(facts, undefined, performance.now() - started)
        if (observer === undefined) log.debug('router.upgraded', line)
        else observer.upgraded(line)
      })
      return serveConnection(stream, facts, inner)
    },
    close: (drainMs = 5_000) => listener.close(drainMs),
  }
}

/** Whose PROXY headers are taken. @throws PorticoError `cluster/config` for a CIDR block that is none */
export function forwarders({
  proxyProtocol = 'off',
  proxyProtocolFrom,
}: Pick<RouterOptions, 'proxyProtocol' | 'proxyProtocolFrom'>): (peer: string) => boolean {
  if (proxyProtocol === 'off') return () => false
  if (proxyProtocolFrom === undefined) return () => true
  const blocks = new BlockList()
  for (const block of proxyProtocolFrom) {
    const [network = '', length, ...more] = block.split('/')
    const family = isIP(network)
    const most = family === 4 ? 32 : 128
    const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : Infinity
    if (family === 0 || bits > most || more.length > 0) throw new PorticoError('cluster/config', { why: `not a CIDR block: ${block}` })
    blocks.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6')
  }
  return peer => blocks.check(peer, isIP(peer) === 6 ? 'ipv6' : 'ipv4')
}
