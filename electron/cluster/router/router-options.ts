import type { Address } from '../../../shared/address.ts'
import type { Log } from '../../log/log.ts'
import type { KeyPair } from '../auth/auth.ts'
import type { ConnectionCount } from './connection-count.ts'
import type { ConnectionObserver } from './listener.ts'
import type { Handler, HandlerName } from './route.ts'

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
  readonly webKeyPair: (sni: string | undefined) => KeyPair
  readonly hostKeyPair: () => KeyPair
  /** PEM of the authorities whose client certificates are trusted: the cluster's host and user CAs. */
  readonly clientCas: () => readonly string[]
  readonly handlers: Readonly<Record<HandlerName, Handler>>
  readonly log: Log
  readonly limits?: Partial<RouterLimits>
  /** Shared with other listeners; absent: its own, by `limits`. */
  readonly count?: ConnectionCount | undefined
  /** Absent: a debug line for each connection. */
  readonly observer?: ConnectionObserver | undefined
  readonly now?: () => number
}
