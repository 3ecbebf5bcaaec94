import type { Identity, RouteToDatabase } from '../../wire/identity.ts'

/** What the other services of the cluster ask of its auth service, in one process. The same things are served over gRPC. */

/** A private key and its certificate chain, PEM. */
export interface KeyPair {
  readonly key: string
  readonly cert: string
}

export type CaType = 'user' | 'host' | 'db'

export interface CaPublic {
  readonly type: CaType
  readonly cluster: string
  /** PEM, active and additional trusted ones. */
  readonly tls: readonly string[]
  /** authorized_keys lines; empty for `db`. */
  readonly ssh: readonly string[]
  /** Of another cluster's user authority that is trusted here: what its users are in this cluster. */
  readonly roleMap?: readonly RoleMapping[]
}

/** Teleport: types.RoleMapping */
export interface RoleMapping {
  /** A role's name there, with `*` for any part, or `^…$` as a regular expression. */
  readonly remote: string
  /** Roles here; `$1` stands for what the first group matched. */
  readonly local: readonly string[]
}

/** A database as an agent announces it: one per agent that serves it. wire/auth-grpc.md 5.4 */
export interface DatabaseServer {
  readonly name: string
  readonly description: string
  readonly dbProtocol: string
  readonly uri: string
  readonly labels: Readonly<Record<string, string>>
  readonly hostId: string
  readonly hostname: string
  /** ms since 1970, when the record ends unless the agent renews it. */
  readonly expires: number
  /** What a MySQL server calls itself in its greeting. */
  readonly mysqlVersion?: string
}

/** Teleport's role (RoleV6) as far as it is used here. `*` stands for any value. */
export interface Role {
  readonly name: string
  readonly maxSessionTtlMs: number
  readonly allow: RoleConditions
  readonly deny: RoleConditions
}

export interface RoleConditions {
  readonly logins: readonly string[]
  readonly dbUsers: readonly string[]
  readonly dbNames: readonly string[]
  readonly dbLabels: Readonly<Record<string, readonly string[]>>
}

export interface LoginRequest {
  readonly user: string
  readonly password: string
  readonly code: string
  readonly ttlMs: number
  readonly sshPublicKey: string | undefined
  readonly tlsPublicKey: string | undefined
  readonly routeToCluster: string
  readonly clientIp: string
}

export interface LoginAnswer {
  readonly user: string
  /** authorized_keys-form certificate line; empty when no SSH key was given */
  readonly sshCert: string
  readonly tlsCert: string
  readonly hostCa: CaPublic
}

export type SecondFactor = 'off' | 'otp'

export interface Auth {
  readonly clusterName: string
  readonly secondFactor: SecondFactor
  ca(type: CaType): CaPublic
  /** This cluster's and those of clusters that are trusted: leaves by their host authority, roots by all of theirs. */
  trustedCas(type: CaType): readonly CaPublic[]
  /** The long-lived TLS host certificate of a service of this cluster. wire/identity.md 7 */
  hostKeyPair(role: 'Auth' | 'Proxy' | 'Db', hostId: string, hostname: string, principals: readonly string[]): Promise<KeyPair>
  /**
   * Password and one-time code to certificates.
   * @throws PorticoError `login/refused` (Teleport's text in facts.why), `login/unsupported`
   */
  login(request: LoginRequest): Promise<LoginAnswer>
  /** Checks user and password only (mfa/login/begin). */
  checkPassword(user: string, password: string): Promise<void>
  roles(names: readonly string[]): Promise<readonly Role[]>
  /** Told the name of a user who was made, changed or removed, by this process or another. @returns its unsubscribe */
  onUserChange(listener: (user: string) => void): () => void
  /**
   * The roles an identity states, with its traits put in; of another cluster's user, the roles here that they stand for.
   * @throws PorticoError resource/not-found for a role that is gone, access/denied for a user of a cluster that is not trusted
   */
  rolesOf(identity: Identity): Promise<readonly Role[]>
  /** Keeps a server in the lists until it expires; agents renew it. */
  announce(server: DatabaseServer): Promise<void>
  databaseServers(): Promise<readonly DatabaseServer[]>
  /** SignDatabaseCSR: the proxy's client certificate for the hop to an agent, with the user's identity in it. wire/database.md 3.4 */
  signDatabaseCsr(csrPem: string, clusterName: string): Promise<{ readonly cert: string; readonly caCerts: readonly string[] }>
  /** GenerateDatabaseCert: the agent's client certificate for the database itself, CN = account. wire/database.md 9.1 */
  generateDatabaseCert(csrPem: string, ttlMs: number): Promise<{ readonly cert: string; readonly caCerts: readonly string[] }>
  /** A server certificate signed by the db CA, for a database that has no own. (`tctl auth sign --format=db`) */
  signDatabaseServer(hosts: readonly string[], ttlMs: number): Promise<KeyPair & { readonly caCerts: readonly string[] }>
  close(): Promise<void>
}

/** Why a user may not use a database, or undefined when allowed. Checks every role as wire/database.md 8 says. */
export type DatabaseAccess = (
  roles: readonly Role[],
  server: DatabaseServer,
  databaseUser: string,
  databaseName: string | undefined,
) => boolean

export type { Identity, RouteToDatabase }
