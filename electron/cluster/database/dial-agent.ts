import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import type { Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { DatabaseServer } from '../auth/auth.ts'
import { duplexPair } from './duplex-pair.ts'
import type { OpeningPacket } from './first-packet.ts'
import type { HopCredentials } from './hop-credentials.ts'
import { splice, type Watch } from './splice.ts'

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

/** MySQL: a client that was greeted, has answered, and waits for OK or ERR. */
export interface Greeted {
  /** Of that packet. */
  readonly sequence: number
  /** The number that the greeting gave this connection: clients say it when they kill a query. */
  readonly connectionId: number
  readonly capabilities: number
  /** The collation's number, its low byte. */
  readonly charset: number
}

/** How far a client's stream has come when its proxy gives it to an agent of the same process. */
export interface Begun {
  readonly opening?: OpeningPacket
  readonly greeted?: Greeted
}

/** What an agent serves. */
export interface Session extends Begun {
  readonly client: Duplex
}

/**
 * Between two ends in one process TLS proves who is who, and that is all it can do there: nobody listens in our memory. So once
 * its handshake is done, the proxy hands its client's own stream to the agent, and no byte of the session passes a second wire,
 * a second splice or four passes of encryption. The key is the very stream that the handshake ran over, so it cannot be mistaken.
 */
interface HandOver {
  readonly session: Promise<Session>
  give(session: Session): void
}
const handOvers = new WeakMap<Duplex, HandOver>()

function handOver(proxyEnd: Duplex, agentEnd: Duplex): void {
  let give = (_session: Session): void => {}
  const session = new Promise<Session>((resolve, reject) => {
    const gone = (): void => reject(new PorticoError('wire/cut-short', { why: 'the proxy closed before a session' }))
    agentEnd.once('close', gone)
    give = given => {
      agentEnd.off('close', gone)
      resolve(given)
    }
  })
  // An agent that refuses the handshake never asks.
  session.catch(() => {})
  for (const end of [proxyEnd, agentEnd]) handOvers.set(end, { session, give })
}

/** The agent's side, after a finished handshake over `stream`. Rejects when the proxy goes away before. */
export async function receiveSession(stream: Duplex, secure: TLSSocket): Promise<Session> {
  const local = handOvers.get(stream)
  if (local === undefined) return { client: secure }
  // Ends with the stream under it; until then only TLS itself has something to say here.
  secure.resume()
  return local.session
}

/** The proxy's side of a finished hop. */
export interface Hop {
  /** Whether the agent gets its client's own stream; else it says and hears everything over `stream`. */
  readonly handsOver: boolean
  readonly stream: Duplex
  /**
   * Serves `client` through the agent. Resolves when that is over.
   * @param begun what was read of it already; over `stream` the agent is told of an opening packet only
   * @param watch for what the client says, where it goes over `stream`
   */
  relay(client: Duplex, begun?: Begun, watch?: Watch): Promise<void>
}

function hopOver(stream: Duplex, secure: TLSSocket): Hop {
  const local = handOvers.get(stream)
  return {
    handsOver: local !== undefined,
    stream: secure,
    relay: (client, begun = {}, watch) => {
      if (local === undefined) {
        if (begun.opening !== undefined) secure.write(begun.opening.raw)
        return splice(client, secure, watch === undefined ? {} : { fromA: watch })
      }
      return new Promise(resolve => {
        const over = (): void => {
          secure.destroy()
          resolve()
        }
        if (client.destroyed) return over()
        // Both close together.
        client.once('close', over)
        secure.once('close', () => client.destroy())
        if (secure.destroyed) client.destroy()
        // Session tickets still come over it.
        secure.resume()
        local.give({ client, ...begun })
      })
    },
  }
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
 * @param both ends of the TLS on it are here: only then may the session be handed over
 */
export function openInMemory(agent: ServesStreams, both: boolean): Duplex {
  const [proxyEnd, agentEnd] = duplexPair()
  if (both) handOver(proxyEnd, agentEnd)
  agent.serve(agentEnd)
  return proxyEnd
}

const HANDSHAKE_MS = 10_000

/**
 * The TLS hop: the proxy is its client, the agent shows its host certificate for `server.hostname`. wire/database.md 3.5
 * @throws PorticoError `proxy/unreachable`
 */
export function secureHop(stream: Duplex, server: DatabaseServer, credentials: HopCredentials): Promise<Hop> {
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
      resolve(hopOver(stream, secure))
    })
  })
}
