import type { Address } from '../../shared/address.ts'
import type { Failure } from '../../shared/errors.ts'
import type { Connection, TunnelMode } from '../../shared/state.ts'
import type { LocalProgram } from './peer-owner.ts'

/** More are counted, not listed. */
export const CONNECTIONS_LIMIT = 200

/** What the engine needs to know to open one tunnel. The engine knows neither Electron nor the cluster API. */
export interface TunnelPlan {
  readonly id: string
  readonly dbProtocol: string
  readonly mode: TunnelMode
  /** What a MySQL server calls itself, for passthrough clients; '' or absent: not known. */
  readonly serverVersion?: string
  readonly listen: {
    /** Loopback only: `['127.0.0.1', '::1']`; all that the machine has are bound, or none. */
    readonly hosts: readonly string[]
    /** 0 = any. */
    readonly port: number
    /** A unix socket (0600) or named pipe besides; null = none. */
    readonly socket: string | null
  }
  readonly upstream: Upstream
  /** A connection that waits longer than this for credentials is closed. */
  readonly holdMs: number
  /** A program that does not begin to speak within this is let go, where it is its turn. Default: 60 s. */
  readonly firstBytesMs?: number
}

/** How to reach the proxy. One pool of roots per kind of connection: never "everything". wire/identity.md 9 */
export interface Upstream {
  readonly proxy: Address
  /** SNI and the name that is verified; an IP address sends no SNI. */
  readonly servername: string
  /** PEM roots for the web certificate. */
  readonly roots: readonly string[]
  /**
   * SHA-256 fingerprint (`AB:CD:…`) of the one web certificate that was accepted at sign-in although no root vouches for it (`--ca-pin`,
   * `--insecure`): that one and no other. null = `roots` decide.
   */
  readonly certificate: string | null
}

/** Private key and certificate of one database route, PEM. */
export interface Credentials {
  readonly key: string
  readonly cert: string
  /** ms since 1970 */
  readonly notAfter: number
}

/** Asked by the engine, answered by app/: one shared answer however many connections wait. */
export interface CredentialSource {
  /**
   * Resolves at once while the certificate is fresh, else after renewal, else after the next sign-in.
   * @param refused the certificate that a handshake was just refused with: do not give it again
   */
  credentials(tunnel: string, refused?: string): Promise<Credentials>
}

/** `from`: the local program; null where the system does not tell. */
export type EngineEvent =
  | {
      readonly type: 'connection'
      readonly tunnel: string
      readonly connection: number
      readonly state: 'open'
      readonly from: LocalProgram | null
    }
  | {
      readonly type: 'connection'
      readonly tunnel: string
      readonly connection: number
      readonly state: 'closed' | 'failed'
      readonly from: LocalProgram | null
      readonly bytesIn: number
      readonly bytesOut: number
      readonly failure?: Failure
    }
  /** The database took somebody in: the user and name of this tunnel are good. Told once. */
  | { readonly type: 'worked'; readonly tunnel: string }
  /** At most 4 times a second for all tunnels that changed. `waiting`: connections held for credentials. */
  | {
      readonly type: 'counters'
      readonly tunnel: string
      readonly connections: number
      readonly waiting: number
      readonly bytesIn: number
      readonly bytesOut: number
    }
  /** A listener died on its own (a thread ended, the socket file was removed by the system). */
  | { readonly type: 'lost'; readonly tunnel: string; readonly failure: Failure }

/** Where a tunnel listens. */
export interface Listening {
  readonly port: number
  readonly addresses: readonly string[]
  readonly socket: string | null
}

/** Open connections of a tunnel, oldest first, of `total`. */
export interface OpenConnections {
  readonly total: number
  readonly connections: readonly Readonly<Connection>[]
}

export interface Engine {
  /**
   * Binds; does not dial.
   * @throws PorticoError `tunnel/port-in-use` (facts: port, pid?, program?), `tunnel/address`
   */
  start(plan: TunnelPlan, signal?: AbortSignal): Promise<Listening>
  /** Closes the listener at once, drains open connections, cuts what is left after `drainMs` (default 5 000). Idempotent. */
  stop(tunnel: string, drainMs?: number): Promise<void>
  /** Resumption tickets and cached credentials of a tunnel are dropped (renewal, sign-out). */
  forget(tunnel: string): Promise<void>
  /** The oldest {@link CONNECTIONS_LIMIT}. @throws PorticoError `tunnel/not-found` */
  connections(tunnel: string): Promise<OpenConnections>
  /** Cuts one; does nothing when it is gone. @throws PorticoError `tunnel/not-found` */
  closeConnection(tunnel: string, connection: number): Promise<void>
  onEvent(listener: (event: EngineEvent) => void): () => void
  close(drainMs?: number): Promise<void>
}
