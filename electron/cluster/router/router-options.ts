import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import type { Log } from '../../log/log.ts'
import type { KeyPair } from '../auth/auth.ts'
import type { ConnectionCount } from './connection-count.ts'
import type { ConnectionObserver } from './listener.ts'
import type { Handler, HandlerName, Handshake } from './route.ts'

export interface RouterLimits {
  /** ms for a PROXY header and the first 8 bytes; for the whole ClientHello; for each TLS handshake. */
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
  /** For the log and the metrics. Default `web`. */
  readonly name?: string
  readonly listen: Address
  /** Whose auth service `handlers.auth` is. */
  readonly clusterName: string
  /** Asked per connection: what they return may change (reload), and is compared by value. */
  readonly webKeyPair: (sni: string | undefined) => KeyPair
  readonly hostKeyPair: () => KeyPair
  /** PEM of the authorities whose client certificates are trusted: the cluster's host and user CAs. */
  readonly clientCas: () => readonly string[]
  /**
   * For the routes that serve clients of leaf clusters too: the authorities of the cluster that SNI names, of all of them when it names
   * none; none for an unknown one. Default: `clientCas` for this cluster.
   */
  readonly trustedCas?: (cluster: string | undefined) => readonly string[]
  /** A name whose handler is missing is unknown. */
  readonly handlers: Readonly<Partial<Record<HandlerName, Handler>>>
  /** The untouched TLS of a client that asks for another cluster's auth service goes there; undefined: no such cluster. Default: none. */
  readonly dialLeafAuth?: (cluster: string, handshake: Handshake) => Promise<Duplex | undefined>
  /** The challenge certificate of a TLS-ALPN-01 validation (RFC 8737) for that name. Absent: ACME is off. */
  readonly acmeKeyPair?: (sni: string | undefined) => KeyPair | undefined
  /** Whether PROXY headers are taken at all. Default `off`: who comes directly could say to be anyone. */
  readonly proxyProtocol?: 'on' | 'off'
  /** CIDR blocks whose hosts may send one; a header from elsewhere closes the connection. Default: everybody. */
  readonly proxyProtocolFrom?: readonly string[]
  /** Who gets SSH that comes without TLS. Default: nobody, it is closed. */
  readonly plainSsh?: 'reverse-tunnel' | 'ssh'
  /** Postgres in clear, which asks for TLS itself, has no port of its own. Default true. */
  readonly plainPostgres?: boolean
  /** GET and HEAD in clear are sent to https instead of closed. Default false, as Teleport. */
  readonly redirectHttp?: boolean
  readonly log: Log
  readonly limits?: Partial<RouterLimits>
  /** Shared with other listeners; absent: its own, by `limits`. */
  readonly count?: ConnectionCount | undefined
  /** Absent: a debug line for each connection. */
  readonly observer?: ConnectionObserver | undefined
  readonly now?: () => number
}
