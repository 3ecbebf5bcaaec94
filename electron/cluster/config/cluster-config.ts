import type { Address } from '../../../shared/address.ts'
import type { Role, RoleMapping, SecondFactor } from '../auth/auth.ts'
import type { DatabaseResource } from '../database/database-resource.ts'
import type { StorageConfig } from '../storage/open-storage.ts'

/** No `version` counts as v1, as with Teleport. */
export type ConfigVersion = 'v1' | 'v2' | 'v3'

/** What is announced: one address for everything, or each service's own. wire/router-config.md 1.2 */
export type ListenerMode = 'separate' | 'multiplex'

/** Services of a proxy that may have a port of their own besides the single one. */
export const OWN_PORTS = ['ssh', 'tunnel', 'kube', 'mysql', 'postgres', 'mongo'] as const
export type OwnPort = (typeof OWN_PORTS)[number]

export interface KeyPairFiles {
  readonly keyFile: string
  readonly certFile: string
}

export interface ProxyConfig {
  /** The single port. Port 0: any. */
  readonly web: Address
  /** `named`: the file says so; else it is a default of v1, which is left out where nothing here serves it. */
  readonly ports: Readonly<Partial<Record<OwnPort, { readonly address: Address; readonly named: boolean }>>>
  /** Port 0 = the port of `web`, where that is known late. */
  readonly publicAddresses: Readonly<Record<'web' | OwnPort, readonly Address[]>>
  readonly kubeEnabled: boolean
  /** Empty: a self-signed certificate is made in the data folder. */
  readonly keyPairs: readonly KeyPairFiles[]
  /** ms; 0 = only when asked to */
  readonly keyPairsReloadMs: number
  readonly proxyProtocol: {
    /** Unsigned PROXY headers are taken; else a connection with one is closed. */
    readonly accepted: boolean
    /** CIDRs whose headers are believed; empty = everybody's, as Teleport. */
    readonly from: readonly string[]
  }
}

/** `auth_service.tokens`: a secret with which a service of one of these roles may join. */
export interface StaticToken {
  /** Lower case: `db`, `node`, `proxy`, `trusted_cluster`, … */
  readonly roles: readonly string[]
  readonly secret: Secret
}

/** `portico.trusted_clusters`: a root that this cluster joins. wire/router-config.md 6 */
export interface TrustedClusterSetting {
  readonly enabled: boolean
  readonly token: Secret
  readonly webProxy: Address
  readonly tunnel: Address
  readonly roleMap: readonly RoleMapping[]
}

/** In the file itself, or in a file of its own (first line). */
export type Secret = { readonly text: string } | { readonly file: string }

export interface SeedUser {
  readonly name: string
  readonly roles: readonly string[]
  readonly logins: readonly string[]
  readonly passwordFile: string
  readonly otpSecretFile: string | undefined
}

export interface AuthConfig {
  readonly clusterName: string
  readonly secondFactor: SecondFactor
  readonly listenerMode: ListenerMode
  /** A port of the auth service alone, besides the single one; undefined = none. */
  readonly listen: Address | undefined
  readonly tokens: readonly StaticToken[]
  /** Clusters that this one is a leaf of. */
  readonly trustedClusters: readonly TrustedClusterSetting[]
  readonly roles: readonly Role[]
  readonly users: readonly SeedUser[]
}

/** How a process that is no auth service of its own gets into a cluster. */
export interface JoinConfig {
  /** `any`: v1 and v2 do not say which. */
  readonly server: 'proxy' | 'auth' | 'any'
  /** Never empty. */
  readonly addresses: readonly Address[]
  /** Needed for the first join only. */
  readonly token: Secret | undefined
  /** `sha256:…` of the cluster's Host CA; empty = the web certificate is trusted by its chain. */
  readonly caPins: readonly string[]
}

/** A checked `portico.yaml`. Every path is absolute; times are ms. */
export interface ClusterConfig {
  readonly file: string
  readonly version: ConfigVersion
  readonly nodename: string
  readonly dataDir: string
  readonly storage: StorageConfig
  /** Both undefined in a process that joins another cluster. */
  readonly auth: AuthConfig | undefined
  readonly proxy: ProxyConfig | undefined
  /** undefined: this process is the cluster. */
  readonly join: JoinConfig | undefined
  readonly databases: readonly DatabaseResource[]
  /** PEM: trusted for the web certificates of other clusters' proxies, besides the public roots. */
  readonly extraRoots: readonly string[]
  readonly operations: OperationsConfig
}

export interface OperationsConfig {
  /** Metrics and health; undefined = none. */
  readonly diag: Address | undefined
  readonly log: { readonly severity: 'error' | 'warn' | 'info' | 'debug'; readonly file: string | undefined }
  /** Level of the line that each connection gets. */
  readonly connectionLog: 'info' | 'debug'
  /** How long open connections may go on after a signal, ms. */
  readonly drainMs: number
  /** undefined = the router's own limits. */
  readonly maxConnections: number | undefined
  readonly maxPerAddress: number | undefined
}
