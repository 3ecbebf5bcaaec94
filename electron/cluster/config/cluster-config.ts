import type { Address } from '../../../shared/address.ts'
import type { Role, SecondFactor } from '../auth/auth.ts'
import type { DatabaseResource } from '../database/database-resource.ts'

export interface SeedUser {
  readonly name: string
  readonly roles: readonly string[]
  readonly logins: readonly string[]
  readonly passwordFile: string
  readonly otpSecretFile: string | undefined
}

/** A checked `portico.yaml`. Every path is absolute; times are ms. */
export interface ClusterConfig {
  readonly clusterName: string
  readonly nodename: string
  readonly dataDir: string
  readonly secondFactor: SecondFactor
  readonly listen: Address
  /** As configured; port of `listen` where none is said. Empty: `localhost`. */
  readonly publicNames: readonly string[]
  /** undefined: a self-signed one is made in the data folder. */
  readonly webKeyPair: { readonly keyFile: string; readonly certFile: string } | undefined
  readonly databases: readonly DatabaseResource[]
  readonly roles: readonly Role[]
  readonly users: readonly SeedUser[]
}
