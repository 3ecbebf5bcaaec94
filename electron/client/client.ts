import type { Address } from '../../shared/address.ts'

/** How to trust a proxy's web certificate, as the user said it. */
export interface Trust {
  /** PEM, beside the system's and Node's own roots. */
  readonly extraRoots: readonly string[]
  /** `sha256:HEX` of a host-CA key: accept an unknown web certificate when the cluster's host CA has this pin. */
  readonly caPin: string | undefined
  readonly insecure: boolean
}

/** `/webapi/ping`, as far as it is used. wire/webapi.md 3 */
export interface Ping {
  readonly cluster: string
  readonly serverVersion: string
  readonly minClientVersion: string
  readonly authType: string
  readonly secondFactor: string
  /** host:port after wire/webapi.md 3.1: how the profile is named and dialled */
  readonly webProxy: Address
  readonly tlsRouting: boolean
}

/** Keys and certificates of one login. Everything PEM or authorized_keys text. */
export interface LoginFiles {
  readonly tlsKey: string
  readonly tlsCert: string
  readonly sshKey: string
  readonly sshCert: string
}

/** The host CA of one cluster: the only roots for auth and SSH. wire/identity.md 9 */
export interface HostCa {
  readonly cluster: string
  readonly tls: readonly string[]
  readonly ssh: readonly string[]
}

export interface LoginResult {
  readonly user: string
  readonly files: LoginFiles
  readonly hostCas: readonly HostCa[]
  /** SHA-256 fingerprint of the web certificate, when it was accepted by pin or `--insecure` instead of a root. */
  readonly webCertificate?: string
}

/** A database after merging what its agents announce. */
export interface ListedDatabase {
  readonly name: string
  readonly cluster: string
  readonly dbProtocol: string
  readonly description: string
  readonly labels: Readonly<Record<string, string>>
  readonly uri: string
  readonly agents: readonly string[]
  readonly mysqlServerVersion: string
}

export interface DatabaseRoute {
  readonly cluster: string
  readonly name: string
  readonly dbProtocol: string
  readonly databaseUser: string
  readonly databaseName: string
}

export interface ListQuery {
  readonly search?: readonly string[]
  /** A predicate, given to the server as it is. */
  readonly predicate?: string
}

/** One authenticated session with the auth server of one cluster, over `teleport-auth@…`. */
export interface AuthApi {
  listDatabases(query?: ListQuery, signal?: AbortSignal): Promise<readonly ListedDatabase[]>
  /** Whether roles ask for a one-time code at each session with a database. Call on the cluster that has it. */
  needsCode(route: DatabaseRoute, signal?: AbortSignal): Promise<boolean>
  /** @returns a TLS certificate (PEM) for the login's TLS key, routed to the database. Call on the root cluster. */
  databaseCertificate(route: DatabaseRoute, expires: number, signal?: AbortSignal): Promise<string>
  /**
   * The same, confirmed with a code that `askCode` brings once the cluster says that one will do.
   * @throws PorticoError besides: `login/code-refused`, `login/too-many-tries`, `login/unsupported`, and what `askCode` throws
   */
  confirmedCertificate(route: DatabaseRoute, expires: number, askCode: () => Promise<string>, signal?: AbortSignal): Promise<string>
  hostCas(signal?: AbortSignal): Promise<readonly HostCa[]>
  close(): void
}
