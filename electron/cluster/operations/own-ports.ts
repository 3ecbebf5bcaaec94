import type { Socket } from 'node:net'
import type { Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { OwnPort, ProxyConfig } from '../config/cluster-config.ts'
import { listenKey } from '../config/proxy-config.ts'
import { closeGently } from '../router/close-gently.ts'
import type { ConnectionCount } from '../router/connection-count.ts'
import { openListener, type Listener } from '../router/listener.ts'
import { bareHandshake, type Handler, type HandlerName } from '../router/route.ts'
import { forwarders, openRouter } from '../router/router.ts'
import { ROUTER_LIMITS, type RouterOptions } from '../router/router-options.ts'
import { codeOf, comesFrom, type ConnectionFacts } from '../router/serve-connection.ts'
import { takeProxyHeader } from '../router/take-proxy-header.ts'
import { serveTls } from '../router/tls-server.ts'

type Handlers = RouterOptions['handlers']

/** The handler without which a port of its own has nothing to serve. */
const NEEDED: Readonly<Record<OwnPort, HandlerName>> = {
  ssh: 'ssh',
  tunnel: 'reverse-tunnel',
  kube: 'kube',
  mysql: 'mysql',
  postgres: 'postgres',
  mongo: 'database',
}

/** Named ports that nothing here serves, with the path of their keys. */
export function unservedPorts(proxy: ProxyConfig, isServed: (handler: HandlerName) => boolean): { path: readonly string[]; why: string }[] {
  return portsOf(proxy)
    .filter(([port, { named }]) => named && !isServed(NEEDED[port]))
    .map(([port]) => ({ path: ['proxy_service', listenKey(port)], why: 'not served by this version' }))
}

/** The ports that are opened besides the single one: those with a handler, less a tunnel port that is the web port. */
export function portsToOpen(proxy: ProxyConfig, isServed: (handler: HandlerName) => boolean): readonly (readonly [OwnPort, Address])[] {
  return portsOf(proxy)
    .filter(([port]) => isServed(NEEDED[port]) && !(port === 'tunnel' && tunnelIsWeb(proxy)))
    .map(([port, { address }]) => [port, address])
}

/** Agents that speak SSH without TLS come to the web port then. */
export function tunnelIsWeb({ web, ports: { tunnel } }: ProxyConfig): boolean {
  return tunnel !== undefined && tunnel.address.host === web.host && tunnel.address.port === web.port && web.port !== 0
}

const portsOf = ({ ports }: ProxyConfig) => Object.entries(ports) as [OwnPort, { readonly address: Address; readonly named: boolean }][]

/** What all ports of this process have in common. */
export type SharedOptions = Omit<RouterOptions, 'listen' | 'name' | 'count'> & {
  readonly count: ConnectionCount
  /** What the tunnel port has of the web API: how to join. Agents that know just this port ask there. wire/router-config.md 1.4 */
  readonly bootstrapWeb?: Handler
}

/** @throws PorticoError `cluster/config` when the port cannot be bound */
export function openOwnPort(port: OwnPort, listen: Address, shared: SharedOptions): Promise<Listener> {
  const name = port
  const router = (handlers: Handlers, plainSsh?: RouterOptions['plainSsh']): Promise<Listener> => {
    const { plainSsh: _, redirectHttp: __, plainPostgres: ___, bootstrapWeb: ____, ...common } = shared
    return openRouter({ ...common, name, listen, handlers, ...(plainSsh === undefined ? {} : { plainSsh }) })
  }
  const { ssh, 'ssh-grpc': sshGrpc, 'reverse-tunnel': tunnel, join, postgres, database, mysql, kube } = shared.handlers
  switch (port) {
    case 'ssh':
      return router(only({ ssh, 'ssh-grpc': sshGrpc }), 'ssh')
    case 'tunnel':
      return router(only({ 'reverse-tunnel': tunnel, web: shared.bootstrapWeb, join }), 'reverse-tunnel')
    case 'postgres':
      return router(only({ postgres, database }))
    case 'mysql':
      return plain(shared, name, listen, mysql, 'mysql')
    case 'mongo':
      return rawTls(shared, name, listen, database)
    case 'kube':
      return router(only({ kube }))
  }
}

function only(handlers: { readonly [K in HandlerName]?: Handler | undefined }): Handlers {
  return Object.fromEntries(Object.entries(handlers).filter(([, handler]) => handler !== undefined))
}

/**
 * The server speaks first: nothing to look at. Only the balancers that are named are waited for, so that they can say who comes:
 * where anybody may send a PROXY header, everybody else would be kept waiting.
 */
function plain(shared: SharedOptions, name: string, listen: Address, handler: Handler | undefined, route: HandlerName): Promise<Listener> {
  const announces = shared.proxyProtocolFrom === undefined ? () => false : forwarders(shared)
  const { firstBytesMs } = { ...ROUTER_LIMITS, ...shared.limits }
  return listener(shared, name, listen, async (socket, facts) => {
    const source = announces(facts.peer.host) ? await takeProxyHeader(socket, firstBytesMs) : undefined
    if (source !== undefined && !comesFrom(source, facts, shared.count)) {
      facts.cause ||= 'too many connections'
      return closeGently(socket)
    }
    facts.route = route
    facts.served = true
    await handler?.(socket, bareHandshake(facts.peer))
  })
}

/** TLS with the web certificate at once; the client's certificate says which database. */
function rawTls(shared: SharedOptions, name: string, listen: Address, handler: Handler | undefined): Promise<Listener> {
  return listener(shared, name, listen, async (socket, facts) => {
    const { stream, sni, identity, peerCertificate } = await serveTls(socket, {
      keyPair: shared.webKeyPair(undefined),
      clientCas: shared.clientCas(),
      clientCertificate: 'optional',
      deadlineMs: shared.limits?.handshakeMs ?? ROUTER_LIMITS.handshakeMs,
      ...(shared.now === undefined ? {} : { now: shared.now }),
    })
    facts.sni = sni
    if (identity !== undefined) facts.user = identity.username
    if (identity?.routeToDatabase === undefined) {
      facts.cause ||= 'no certificate for a database'
      return closeGently(stream)
    }
    facts.route = 'database'
    facts.served = true
    await handler?.(stream, { client: facts.peer, sni, offered: [], negotiated: undefined, identity, peerCertificate })
  })
}

function listener(
  { count, log, observer }: SharedOptions,
  name: string,
  listen: Address,
  serve: (socket: Socket, facts: ConnectionFacts) => Promise<void>,
): Promise<Listener> {
  const guarded = async (socket: Socket, facts: ConnectionFacts): Promise<void> => {
    try {
      await serve(socket, facts)
    } catch (thrown) {
      facts.cause ||= thrown instanceof PorticoError ? String(thrown.facts['why'] ?? thrown.code) : codeOf(thrown)
      log.debug('router.handler', { route: facts.route ?? '', listener: name }, thrown)
      await closeGently(socket)
    }
  }
  return openListener({ name, listen, serve: guarded, count, log, observer })
}
