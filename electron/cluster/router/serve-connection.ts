import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError, type ErrorCode } from '../../../shared/errors.ts'
import { PING_SUFFIX } from '../../../shared/protocols.ts'
import { closeGently } from './close-gently.ts'
import { peek } from './peek.ts'
import { pingFramed } from './ping-framed.ts'
import type { HandlerName, Handshake, Termination } from './route.ts'
import type { RouterLimits, RouterOptions } from './router-options.ts'
import { chooseRoute, SERVER_ALPN } from './routes.ts'
import type { TlsConfiguration } from './tls-context.ts'
import { serveTls } from './tls-server.ts'

/** For the log line that every connection gets. */
export interface ConnectionFacts {
  readonly peer: Address
  route?: HandlerName
  sni?: string | undefined
  offered?: readonly string[]
  negotiated?: string | undefined
  user?: string
  /** A handler has it. */
  served?: true
  /** Why it ended, unless one side just closed it. */
  cause: string
}

export type ServingOptions = RouterOptions & { readonly limits: RouterLimits }

/** What serveTls says about a client that does not do as it should: everyday noise. */
const PEER_CAUSED: ReadonlySet<ErrorCode> = new Set(['access/denied', 'wire/malformed', 'wire/cut-short'])

/** Takes one accepted socket to its handler. Never rejects. */
export async function serveConnection(socket: Socket, facts: ConnectionFacts, options: ServingOptions): Promise<void> {
  try {
    const peeked = await peek(socket, options.limits)
    if (peeked.state === 'refused') return refuse(socket, facts, peeked.why)
    if (peeked.state === 'postgres') return await run('postgres', socket, introduce(facts), facts, options)
    facts.sni = peeked.hello.sni
    facts.offered = peeked.hello.alpn
    const choice = chooseRoute(peeked.hello, options.clusterName)
    if (choice.state === 'refused') return refuse(socket, facts, choice.why)
    const { row } = choice
    facts.route = row.handler
    if (row.tls === 'forward') return await run(row.handler, socket, introduce(facts), facts, options)
    await serveTerminated(row.handler, row.tls, socket, facts, options)
  } catch (thrown) {
    facts.cause ||= thrown instanceof PorticoError ? String(thrown.facts['why'] ?? thrown.code) : codeOf(thrown)
    if (PEER_CAUSED.has(PorticoError.from(thrown).code)) return // serveTls is closing it
    options.log.error('router.failed', { route: facts.route ?? '' }, thrown)
    socket.destroy()
  }
}

async function serveTerminated(
  chosen: HandlerName,
  termination: Exclude<Termination, 'forward'>,
  socket: Socket,
  facts: ConnectionFacts,
  options: ServingOptions,
): Promise<void> {
  const { stream, negotiated, identity, peerCertificate } = await serveTls(socket, {
    ...configuration(termination, facts.sni, options),
    deadlineMs: options.limits.handshakeMs,
    ...(options.now === undefined ? {} : { now: options.now }),
  })
  facts.negotiated = negotiated
  if (identity !== undefined) facts.user = identity.username
  else if (peerCertificate !== undefined) options.log.warn('router.certificate-without-identity', { peer: formatAddress(facts.peer) })
  const handshake = { ...introduce(facts), negotiated, identity, peerCertificate }
  const plain = negotiated?.endsWith(PING_SUFFIX) === true ? pingFramed(stream, options.limits.pingEveryMs) : stream
  // A certificate for a database leads there, whatever ALPN said: that is the authenticated mode. wire/alpn-sni.md 3.1 step 8
  const handler = identity?.routeToDatabase === undefined ? chosen : 'database'
  await run(handler, plain, handshake, facts, options)
}

function configuration(termination: Exclude<Termination, 'forward'>, sni: string | undefined, options: ServingOptions): TlsConfiguration {
  return termination === 'web'
    ? { keyPair: options.webKeyPair(sni), clientCas: options.clientCas(), clientCertificate: 'optional', alpn: SERVER_ALPN }
    : { keyPair: options.hostKeyPair(), clientCas: [], clientCertificate: 'none' }
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
  facts.served = true
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

export function addressOf({ remoteAddress, remotePort }: Socket): Address {
  return { host: (remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, ''), port: remotePort ?? 0 }
}

/** A hello may hold thousands of names. */
const LOGGED_NAMES = 16

export function describe(facts: ConnectionFacts, socket: Socket, ms: number) {
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
    served: facts.served === true,
    cause: facts.cause,
  }
}

export function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'failed'
  return (thrown as NodeJS.ErrnoException).code ?? thrown.message
}
