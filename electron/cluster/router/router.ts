import { createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import { formatAddress } from '../../../shared/address.ts'
import { PorticoError, type ErrorCode } from '../../../shared/errors.ts'
import { PING_SUFFIX } from '../../../shared/protocols.ts'
import type { Log } from '../../log/log.ts'
import type { KeyPair } from '../auth/auth.ts'
import { closeGently } from './close-gently.ts'
import { ConnectionCount } from './connection-count.ts'
import { peek } from './peek.ts'
import { pingFramed } from './ping-framed.ts'
import type { Handler, HandlerName, Handshake, Termination } from './route.ts'
import { chooseRoute, SERVER_ALPN } from './routes.ts'
import { serveTls, type TlsConfiguration } from './tls-server.ts'

export interface RouterLimits {
  /** ms for the first 8 bytes; for the whole ClientHello; for the TLS handshake. */
  readonly firstBytesMs: number
  readonly clientHelloMs: number
  readonly handshakeMs: number
  /** ms between the pings of a `-ping` connection. */
  readonly pingEveryMs: number
  /** Open at one time. A local engine opens one per database connection, so one address may have many. */
  readonly connections: number
  readonly connectionsPerAddress: number
}

/** Teleport's times: wire/alpn-sni.md 3.6. */
export const ROUTER_LIMITS: RouterLimits = {
  firstBytesMs: 1_000,
  clientHelloMs: 5_000,
  handshakeMs: 5_000,
  pingEveryMs: 30_000,
  connections: 20_000,
  connectionsPerAddress: 8_000,
}

export interface RouterOptions {
  readonly listen: Address
  /** Whose auth service `handlers.auth` is. */
  readonly clusterName: string
  /** Asked per connection: what they return may change (reload), and is compared by value. */
  readonly webKeyPair: () => KeyPair
  readonly hostKeyPair: () => KeyPair
  /** PEM of the authorities whose client certificates are trusted: the cluster's host and user CAs. */
  readonly clientCas: () => readonly string[]
  readonly handlers: Readonly<Record<HandlerName, Handler>>
  readonly log: Log
  readonly limits?: Partial<RouterLimits>
  readonly now?: () => number
}

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
  const limits = { ...ROUTER_LIMITS, ...options.limits }
  const sockets = new Set<Socket>()
  const count = new ConnectionCount(limits.connections, limits.connectionsPerAddress, log)
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
    void serveConnection(socket, facts, options, limits)
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

function listening(server: ReturnType<typeof createServer>, { host, port }: Address): Promise<void> {
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

/** For the log line that every connection gets. */
interface ConnectionFacts {
  readonly peer: Address
  route?: HandlerName
  sni?: string | undefined
  offered?: readonly string[]
  negotiated?: string | undefined
  user?: string
  /** Why it ended, unless one side just closed it. */
  cause: string
}

/** What serveTls says about a client that does not do as it should: everyday noise. */
const PEER_CAUSED: ReadonlySet<ErrorCode> = new Set(['access/denied', 'wire/malformed', 'wire/cut-short'])

async function serveConnection(socket: Socket, facts: ConnectionFacts, options: RouterOptions, limits: RouterLimits): Promise<void> {
  try {
    const peeked = await peek(socket, limits)
    if (peeked.state === 'refused') return refuse(socket, facts, peeked.why)
    if (peeked.state === 'postgres') return await run('postgres', socket, introduce(facts), facts, options)
    facts.sni = peeked.hello.sni
    facts.offered = peeked.hello.alpn
    const choice = chooseRoute(peeked.hello, options.clusterName)
    if (choice.state === 'refused') return refuse(socket, facts, choice.why)
    const { row } = choice
    facts.route = row.handler
    if (row.tls === 'forward') return await run(row.handler, socket, introduce(facts), facts, options)
    await serveTerminated(row.handler, row.tls, socket, facts, options, limits)
  } catch (thrown) {
    facts.cause ||= thrown instanceof PorticoError ? String(thrown.facts['why'] ?? thrown.code) : codeOf(thrown)
    if (PEER_CAUSED.has(PorticoError.from(thrown).code)) return // serveTls is closing it
    options.log.error('router.failed', { route: facts.route ?? '' }, thrown)
    socket.destroy()
  }
}

async function serveTerminated(
  chosen: HandlerName, termination: Exclude<Termination, 'forward'>, socket: Socket, facts: ConnectionFacts, options: RouterOptions, limits: RouterLimits,
): Promise<void> {
  const { stream, negotiated, identity, peerCertificate } = await serveTls(socket, {
    ...configuration(termination, options), deadlineMs: limits.handshakeMs, ...(options.now === undefined ? {} : { now: options.now }),
  })
  facts.negotiated = negotiated
  if (identity !== undefined) facts.user = identity.username
  else if (peerCertificate !== undefined) options.log.warn('router.certificate-without-identity', { peer: formatAddress(facts.peer) })
  const handshake = { ...introduce(facts), negotiated, identity, peerCertificate }
  const plain = negotiated?.endsWith(PING_SUFFIX) === true ? pingFramed(stream, limits.pingEveryMs) : stream
  // A certificate for a database leads there, whatever ALPN said: that is the authenticated mode. wire/alpn-sni.md 3.1 step 8
  const handler = identity?.routeToDatabase === undefined ? chosen : 'database'
  await run(handler, plain, handshake, facts, options)
}

function configuration(termination: Exclude<Termination, 'forward'>, options: RouterOptions): TlsConfiguration {
  return termination === 'web'
    ? { keyPair: options.webKeyPair(), clientCas: options.clientCas(), clientCertificate: 'optional', alpn: SERVER_ALPN }
    : { keyPair: options.hostKeyPair(), clientCas: [], clientCertificate: 'none' }
}

/** Hands a stream to its handler, which owns it from then on; a handler that throws leaves it closed. */
async function run(name: HandlerName, stream: Duplex, handshake: Handshake, facts: ConnectionFacts, options: RouterOptions): Promise<void> {
  facts.route = name
  stream.on('error', error => (facts.cause ||= codeOf(error)))
  try {
    await options.handlers[name](stream, handshake)
  } catch (thrown) {
    facts.cause ||= codeOf(thrown)
    const expected = thrown instanceof PorticoError && thrown.code !== 'app/bug'
    options.log[expected ? 'debug' : 'error']('router.handler', { route: name, peer: formatAddress(facts.peer) }, thrown)
    void closeGently(stream)
  }
}

function introduce({ peer, sni, offered }: ConnectionFacts): Handshake {
  return { client: peer, sni, offered: offered ?? [], negotiated: undefined, identity: undefined, peerCertificate: undefined }
}

/** No alert, no word: this is how Teleport answers what it does not know. wire/alpn-sni.md 8 */
function refuse(socket: Socket, facts: ConnectionFacts, why: string): void {
  facts.cause ||= why
  void closeGently(socket)
}

function addressOf({ remoteAddress, remotePort }: Socket): Address {
  return { host: (remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, ''), port: remotePort ?? 0 }
}

/** A hello may hold thousands. */
const LOGGED_NAMES = 16

function describe(facts: ConnectionFacts, socket: Socket, ms: number): Record<string, string | number | readonly string[]> {
  return {
    peer: formatAddress(facts.peer),
    route: facts.route ?? '',
    sni: facts.sni ?? '',
    offered: facts.offered?.slice(0, LOGGED_NAMES) ?? [],
    negotiated: facts.negotiated ?? '',
    user: facts.user ?? '',
    bytesIn: socket.bytesRead,
    bytesOut: socket.bytesWritten,
    ms: Math.round(ms),
    cause: facts.cause,
  }
}

function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'failed'
  return (thrown as NodeJS.ErrnoException).code ?? thrown.message
}
