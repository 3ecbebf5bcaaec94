import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import type { Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { DatabaseServer } from '../auth/auth.ts'
import { duplexPair } from './duplex-pair.ts'
import type { HopCredentials } from './hop-credentials.ts'

/**
 * A stream to the agent that announced `server`; TLS goes on top of it. Here, over a reverse tunnel, or through a leaf's proxy.
 * @param client for the far end's log
 * @throws PorticoError `proxy/unreachable` when there is no such agent now: the next one is tried
 */
export type DialAgent = (server: DatabaseServer, client?: Address) => Promise<Duplex>

/** The databases of one cluster, this one or a leaf, and the way to their agents. */
export interface DatabaseSite {
  /** @throws PorticoError proxy/unreachable for a leaf that is away */
  databaseServers(): Promise<readonly DatabaseServer[]>
  readonly dialAgent: DialAgent
}

/** What an agent in this process offers to its proxy. */
export interface ServesStreams {
  readonly hostId: string
  serve(stream: Duplex): void
}

/**
 * The wire beside the wire. Between two ends in one process TLS proves who is who, and that is all it can do there: nobody
 * listens in our memory. So once its handshake is done, the session's bytes take this second pair, which saves four passes of
 * encryption and 50 µs a round trip. The key is the very stream that the handshake ran over, so it cannot be mistaken.
 */
const shortcuts = new WeakMap<Duplex, Duplex>()

/** After a finished handshake over `stream`: what the session runs on. Both close together. */
export function sessionStream(stream: Duplex, secure: TLSSocket): Duplex {
  const shortcut = shortcuts.get(stream)
  if (shortcut === undefined) return secure
  shortcut.on('error', () => {})
  secure.once('close', () => shortcut.destroy())
  shortcut.once('close', () => secure.destroy())
  // Session tickets still come over it.
  secure.resume()
  return shortcut
}

/** Reaches the agents of this process, over memory. */
export function dialLocalAgents(agents: () => Iterable<ServesStreams>): DialAgent {
  return async ({ hostId }) => {
    for (const agent of agents()) if (agent.hostId === hostId) return openInMemory(agent, true)
    throw new PorticoError('proxy/unreachable', { why: `no agent ${hostId}` })
  }
}

/**
 * A wire in memory to an agent of this process.
 * @param both ends of the TLS on it are here: only then may the session take the shortcut
 */
export function openInMemory(agent: ServesStreams, both: boolean): Duplex {
  const [proxyEnd, agentEnd] = duplexPair()
  if (both) {
    const [proxySession, agentSession] = duplexPair()
    shortcuts.set(proxyEnd, proxySession)
    shortcuts.set(agentEnd, agentSession)
  }
  agent.serve(agentEnd)
  return proxyEnd
}

const HANDSHAKE_MS = 10_000

/**
 * The TLS hop: the proxy is its client, the agent shows its host certificate for `server.hostname`. wire/database.md 3.5
 * @throws PorticoError `proxy/unreachable`
 */
export function secureHop(stream: Duplex, server: DatabaseServer, credentials: HopCredentials): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const session = credentials.sessions.get(server.hostname)
    const secure = connect({
      socket: stream,
      secureContext: credentials.context,
      servername: server.hostname,
      ...(session === undefined ? {} : { session }),
    })
    let cause: unknown
    const fail = (): void => {
      clearTimeout(deadline)
      credentials.sessions.delete(server.hostname)
      secure.destroy()
      reject(new PorticoError('proxy/unreachable', { why: 'the agent refused the connection' }, cause))
    }
    const deadline = setTimeout(fail, HANDSHAKE_MS)
    // Stays for good: the splice attaches its own.
    secure.on('error', error => (cause ??= error))
    secure.on('session', ticket => credentials.sessions.set(server.hostname, ticket))
    secure.once('close', fail)
    secure.once('secureConnect', () => {
      clearTimeout(deadline)
      secure.off('close', fail)
      resolve(sessionStream(stream, secure))
    })
  })
}
