import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import type { Identity } from '../../wire/identity.ts'

/** What the handshakes told about a connection, for its handler and for the log. */
export interface Handshake {
  readonly sni: string | undefined
  /** As the client offered it, in its order; `[]` = no extension. */
  readonly offered: readonly string[]
  /** undefined = none was negotiated */
  readonly negotiated: string | undefined
  readonly client: Address
  /** Who a verified client certificate of the innermost TLS says it is; undefined = no certificate. */
  readonly identity: Identity | undefined
  /** DER of that certificate. */
  readonly peerCertificate: Uint8Array | undefined
}

/** Gets a decrypted (or, on forwarded routes, untouched) stream and owns it from then on. */
export type Handler = (stream: Duplex, handshake: Handshake) => void | Promise<void>

/** Who ends the outer TLS, and with which certificate. `forward`: nobody here. */
export type Termination = 'web' | 'host' | 'forward'

export type HandlerName = 'web' | 'auth' | 'postgres' | 'database'

/** One row of the routing table, in Teleport's registration order. Data: `portico cluster routes` prints it. */
export interface RouteRow {
  readonly match: { readonly alpn: readonly string[] } | { readonly alpnPrefix: string } | { readonly sniPrefix: string }
  readonly tls: Termination
  readonly handler: HandlerName
}
