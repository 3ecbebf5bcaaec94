import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError, type ErrorCode } from '../../../shared/errors.ts'
import { ALPN, PING_SUFFIX } from '../../../shared/protocols.ts'
import type { ClientHello } from '../../wire/client-hello.ts'
import { splice } from '../database/splice.ts'
import { closeGently } from './close-gently.ts'
import type { ConnectionCount } from './connection-count.ts'
import { peek, type Peeked } from './peek.ts'
import { pingFramed } from './ping-framed.ts'
import { redirectHttp } from './redirect-http.ts'
import type { HandlerName, Handshake, RouteRow } from './route.ts'
import type { RouterLimits, RouterOptions } from './router-options.ts'
import { chooseRoute } from './routes.ts'
import { configurationFor, innerConfiguration } from './terminations.ts'
import type { TlsConfiguration } from './tls-context.ts'
import { serveTls, type ServedTls } from './tls-server.ts'

/** For the log line that every connection gets. */
export interface ConnectionFacts {
  /** Who it is about: the other end, until a PROXY header says better. */
  peer: Address
  /** Who sent the PROXY header. */
  via?: Address
  route?: HandlerName
  sni?: string | undefined
  offered?: readonly string[]
  negotiated?: string | undefined
  user?: string
  /** A handler has it. */
  served?: true
  /** The address whose limit it takes from. */
  countedFor: string
  /** Why it ended, unless one side just closed it. */
  cause: string
}

export type ServingOptions = RouterOptions & {
  readonly limits: RouterLimits
  /** Inside a connection upgrade: only TLS, and the host certificate in place of the web one. wire/alpn-sni.md 7.5 */
  readonly upgraded: boolean
  readonly mayForward: (peer: string) => boolean
  readonly count: ConnectionCount
}

/** What serveTls says about a client that does not do as it should: everyday noise. */
const PEER_CAUSED: ReadonlySet<ErrorCode> = new Set(['access/denied', 'wire/malformed', 'wire/cut-short'])

/** Takes one accepted connection to its handler. Never rejects. */
export async function serveConnection(stream: Duplex, facts: ConnectionFacts, options: ServingOptions): Promise<void> {
  try {
    const peeked = await peek(stream, options.limits, options.mayForward(facts.peer.host))
    if (peeked.source !== undefined && !comesFrom(peeked.source, facts, options.count)) return refuse(stream, facts, 'too many connections')
    if (peeked.state === 'tls') await serveHello(peeked.hello, stream, facts, options)
    else await servePlain(peeked, stream, facts, options)
  } catch (thrown) {
    facts.cause ||= thrown instanceof PorticoError ? String(thrown.facts['why'] ?? thrown.code) : codeOf(thrown)
    if (PEER_CAUSED.has(PorticoError.from(thrown).code)) return // serveTls is closing it
    options.log.error('router.failed', { route: facts.route ?? '' }, thrown)
    stream.destroy()
  }
}

/** What a PROXY header says counts from then on, also for limits. @returns false when that client has too many connections */
export function comesFrom(source: Address, facts: ConnectionFacts, count: ConnectionCount): boolean {
  facts.via = facts.peer
  facts.peer = source
  if (!count.move(facts.countedFor, source.host)) return false
  facts.countedFor = source.host
  return true
}

async function servePlain(
  peeked: Exclude<Peeked, { state: 'tls' }>,
  stream: Duplex,
  facts: ConnectionFacts,
  options: ServingOptions,
): Promise<void> {
  if (peeked.state === 'refused') return refuse(stream, facts, peeked.why)
  if (options.upgraded) return refuse(stream, facts, `${peeked.state} in an upgraded connection`)
  if (peeked.state === 'http' && options.redirectHttp === true) {
    facts.cause = await redirectHttp(stream, options.limits.clientHelloMs)
    return
  }
  const postgres = options.plainPostgres === false ? undefined : 'postgres'
  const handler = peeked.state === 'postgres' ? postgres : peeked.state === 'ssh' ? options.plainSsh : undefined
  if (handler === undefined) return refuse(stream, facts, `${peeked.state} on this port`)
  await run(handler, stream, introduce(facts), facts, options)
}

async function serveHello(hello: ClientHello, stream: Duplex, facts: ConnectionFacts, options: ServingOptions): Promise<void> {
  facts.sni = hello.sni
  facts.offered = hello.alpn
  if (options.acmeKeyPair !== undefined && hello.alpn.length === 1 && hello.alpn[0] === ALPN.acme) {
    return serveChallenge(options.acmeKeyPair(hello.sni), stream, facts, options)
  }
  const choice = chooseRoute(hello, handler => options.handlers[handler] !== undefined)
  if (choice.state === 'refused') return refuse(stream, facts, choice.why)
  const { row, authCluster } = choice
  facts.route = row.handler
  if (authCluster !== undefined && authCluster !== options.clusterName) return serveLeafAuth(authCluster, stream, facts, options)
  if (row.tls === 'forward') return run(row.handler, stream, introduce(facts), facts, options)
  await serveTerminated(hello, row, row.tls, stream, facts, options)
}

/** The handshake is all there is to it. RFC 8737 */
async function serveChallenge(
  keyPair: TlsConfiguration['keyPair'] | undefined,
  stream: Duplex,
  facts: ConnectionFacts,
  options: ServingOptions,
): Promise<void> {
  if (keyPair === undefined) return refuse(stream, facts, 'no ACME challenge for that name')
  const served = await endTls(stream, { keyPair, clientCas: [], clientCertificate: 'none', alpn: [ALPN.acme] }, options)
  facts.negotiated = served.negotiated
  refuse(served.stream, facts, 'ACME challenge')
}

async function serveLeafAuth(cluster: string, stream: Duplex, facts: ConnectionFacts, options: ServingOptions): Promise<void> {
  const gone = (): void => void stream.destroy()
  // The dial may take a while; the client may be gone before.
  stream.once('error', gone)
  const upstream = await options.dialLeafAuth?.(cluster, introduce(facts)).catch((thrown: unknown) => {
    options.log.debug('router.leaf', { cluster }, thrown)
    return undefined
  })
  if (upstream === undefined) return refuse(stream, facts, 'unknown auth cluster')
  await splice(stream, upstream)
}

async function serveTerminated(
  hello: ClientHello,
  row: RouteRow,
  tls: Exclude<RouteRow['tls'], 'forward'>,
  stream: Duplex,
  facts: ConnectionFacts,
  options: ServingOptions,
): Promise<void> {
  const webKeyPair = options.upgraded ? options.hostKeyPair() : options.webKeyPair(facts.sni)
  const outer = await endTls(stream, configurationFor(tls, hello, webKeyPair, options), options)
  facts.negotiated = outer.negotiated
  note(outer, facts, options)
  const framed = outer.negotiated?.endsWith(PING_SUFFIX) === true
  const plain = framed ? pingFramed(outer.stream, options.limits.pingEveryMs) : outer.stream
  const isWeb = tls === 'web' || tls === 'web+host'
  // A certificate for a database leads there, whatever ALPN said: that is the authenticated mode. wire/alpn-sni.md 3.1 step 8
  if (isWeb && outer.identity?.routeToDatabase !== undefined) return run('database', plain, introduce(facts, outer), facts, options)
  if (tls !== 'web+host') return run(row.handler, plain, introduce(facts, outer), facts, options)
  const inner = await endTls(plain, innerConfiguration(options), options)
  note(inner, facts, options)
  if (inner.identity?.routeToDatabase === undefined) return refuse(inner.stream, facts, 'no certificate for a database')
  await run(row.handler, inner.stream, introduce(facts, inner), facts, options)
}

function endTls(stream: Duplex, configuration: TlsConfiguration, { limits, now }: ServingOptions): Promise<ServedTls> {
  return serveTls(stream, { ...configuration, deadlineMs: limits.handshakeMs, ...(now === undefined ? {} : { now }) })
}

function note({ identity, peerCertificate }: ServedTls, facts: ConnectionFacts, { log }: ServingOptions): void {
  if (identity !== undefined) facts.user = identity.username
  else if (peerCertificate !== undefined) log.warn('router.certificate-without-identity', { peer: formatAddress(facts.peer) })
}

/** Hands a stream to its handler, which owns it from then on; a handler that throws leaves it closed. */
async function run(
  name: HandlerName,
  stream: Duplex,
  handshake: Handshake,
  facts: ConnectionFacts,
  options: ServingOptions,
): Promise<void> {
  facts.route = name
  const handler = options.handlers[name]
  if (handler === undefined) return refuse(stream, facts, `${name} is off`)
  facts.served = true
  stream.on('error', error => (facts.cause ||= codeOf(error)))
  try {
    await handler(stream, handshake)
  } catch (thrown) {
    facts.cause ||= codeOf(thrown)
    const expected = thrown instanceof PorticoError && thrown.code !== 'app/bug'
    options.log[expected ? 'debug' : 'error']('router.handler', { route: name, peer: formatAddress(facts.peer) }, thrown)
    void closeGently(stream)
  }
}

function introduce({ peer, sni, offered, negotiated }: ConnectionFacts, served?: ServedTls): Handshake {
  const { identity, peerCertificate } = served ?? {}
  return { client: peer, sni, offered: offered ?? [], negotiated, identity, peerCertificate }
}

/** No alert, no word: this is how Teleport answers what it does not know. wire/alpn-sni.md 8 */
function refuse(stream: Duplex, facts: ConnectionFacts, why: string): void {
  facts.cause ||= why
  void closeGently(stream)
}

export function addressOf({ remoteAddress, remotePort }: Socket): Address {
  return { host: (remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, ''), port: remotePort ?? 0 }
}

/** A hello may hold thousands of names. */
const LOGGED_NAMES = 16

/** @param counted the TCP socket; undefined inside an upgraded connection, whose bytes the outer one counts */
export function describe(
  facts: ConnectionFacts,
  counted: { readonly bytesRead: number; readonly bytesWritten: number } | undefined,
  ms: number,
) {
  return {
    peer: formatAddress(facts.peer),
    via: facts.via === undefined ? '' : formatAddress(facts.via),
    route: facts.route ?? '',
    sni: facts.sni ?? '',
    offered: facts.offered?.slice(0, LOGGED_NAMES) ?? [],
    negotiated: facts.negotiated ?? '',
    user: facts.user ?? '',
    bytesIn: counted?.bytesRead ?? 0,
    bytesOut: counted?.bytesWritten ?? 0,
    ms: Math.round(ms),
    served: facts.served === true,
    cause: facts.cause,
  }
}

export function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'failed'
  return (thrown as NodeJS.ErrnoException).code ?? thrown.message
}
