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
  /** Where it comes from: the connection's other end, or what a trusted load balancer's PROXY header says. */
  readonly client: Address
  /** Who a verified client certificate of the innermost TLS says it is; undefined = no certificate. */
  readonly identity: Identity | undefined
  /** DER of that certificate. */
  readonly peerCertificate: Uint8Array | undefined
}

/** Of a connection that no TLS of the router's went before. */
export function bareHandshake(client: Address): Handshake {
  return { client, sni: undefined, offered: [], negotiated: undefined, identity: undefined, peerCertificate: undefined }
}

/** Gets a decrypted (or, on forwarded routes, untouched) stream and owns it from then on. */
export type Handler = (stream: Duplex, handshake: Handshake) => void | Promise<void>

/**
 * Who ends the TLS, and how. wire/alpn-sni.md 3.4, 3.5
 * - `web`: the web certificate; a client certificate is verified if given, and one for a database leads there
 * - `web+host`: the same, then a second TLS inside, with the host certificate and a client certificate
 * - `host`: the host certificate, no client certificate, no negotiation · `host-h2`: the same, h2 only
 * - `host-mtls`: the host certificate, a client certificate of any trusted cluster · `host-kube`: the same, if given; h2, http/1.1
 * - `forward`: nobody here
 */
export type Termination = 'web' | 'web+host' | 'host' | 'host-h2' | 'host-mtls' | 'host-kube' | 'forward'

export type HandlerName =
  /** HTTP/1.1 and HTTP/2: web API, later applications */
  | 'web'
  /** the cluster's auth service; gets TLS untouched */
  | 'auth'
  | 'postgres'
  | 'mysql'
  /** whoever shows a certificate for a database: the certificate says which, and which protocol */
  | 'database'
  /** agents and leaf proxies: SSH */
  | 'reverse-tunnel'
  /** the proxy's SSH server */
  | 'ssh'
  | 'ssh-grpc'
  /** gRPC, for who has no certificate yet */
  | 'join'
  | 'kube-grpc'
  | 'kube'
  /** TCP applications */
  | 'tcp'

/** One row of the routing table, in Teleport's registration order. Data: `portico cluster routes` prints it. */
export interface RouteRow {
  readonly match: { readonly alpn: readonly string[] } | { readonly alpnPrefix: string } | { readonly sniPrefix: string }
  readonly tls: Termination
  readonly handler: HandlerName
}
