/** Teleport: lib/tlsca/ca.go, RouteToDatabase; wire spelling kept. Empty strings mean "not set". */
export interface RouteToDatabase {
  readonly ServiceName: string
  readonly Protocol: string
  readonly Username: string
  readonly Database: string
}

/** What a Teleport certificate says about its holder: the subject's attributes. Teleport: lib/tlsca/ca.go Identity. */
export interface Identity {
  readonly username: string
  /** For hosts and services: the system role. */
  readonly roles: readonly string[]
  /** `usage:db`, …; empty = unrestricted. */
  readonly usage: readonly string[]
  readonly logins: readonly string[]
  readonly routeToCluster: string
  /** The cluster that issued it; the issuer's O where the attribute is missing. */
  readonly teleportCluster: string
  readonly traits: Readonly<Record<string, readonly string[]>>
  readonly kubeUsers: readonly string[]
  readonly kubeGroups: readonly string[]
  readonly kubeCluster: string
  /** undefined when the service name is absent or empty. */
  readonly routeToDatabase: RouteToDatabase | undefined
  readonly databaseNames: readonly string[]
  readonly databaseUsers: readonly string[]
  readonly app: { readonly sessionId: string; readonly clusterName: string; readonly publicAddr: string; readonly name: string } | undefined
  readonly loginIp: string
  readonly pinnedIp: string
  readonly activeRequests: readonly string[]
  readonly disallowReissue: boolean
  readonly privateKeyPolicy: string
  readonly mfaVerified: string
}
