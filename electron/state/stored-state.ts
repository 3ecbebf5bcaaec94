import { z } from 'zod'

/** What `state.json` holds. Fields of newer versions are kept as they are when an older version writes. */

const HostCaShape = z.looseObject({ cluster: z.string(), tls: z.array(z.string()), ssh: z.array(z.string()) })

const TrustShape = z.looseObject({
  extraRoots: z.array(z.string()),
  // Present-but-undefined in memory, absent on disk.
  caPin: z
    .string()
    .optional()
    .transform(pin => pin),
  insecure: z.boolean(),
})

const names = z.array(z.string())

const ProfileShape = z.looseObject({
  cluster: z.string(),
  user: z.string(),
  serverVersion: z.string().default(''),
  roles: names,
  logins: names,
  kubeUsers: names.default([]),
  kubeGroups: names.default([]),
  databaseUsers: names.default([]),
  databaseNames: names.default([]),
  validUntil: z.number(),
  hostCas: z.array(HostCaShape),
  trust: TrustShape,
  webCertificate: z.string().optional(),
  shownCluster: z.string().optional(),
})

const RememberedShape = z.looseObject({
  databaseUser: z.string().optional(),
  databaseName: z.string().optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  tool: z.string().optional(),
})

/** A tunnel that ran, to be brought back. `port`: null = the resource's own. */
const StoredTunnelShape = z.looseObject({
  resource: z.string(),
  proxy: z.string(),
  name: z.string(),
  cluster: z.string(),
  dbProtocol: z.string(),
  /** MySQL's, told in passthrough mode. */
  serverVersion: z.string().optional(),
  mode: z.enum(['authenticated', 'passthrough']),
  databaseUser: z.string(),
  databaseName: z.string(),
  port: z.number().int().min(1).max(65_535).nullable(),
})
export type StoredTunnel = Readonly<z.infer<typeof StoredTunnelShape>>

export const StoredStateShape = z.looseObject({
  version: z.number(),
  /** `host:port` of the profile that commands mean without `--proxy`. */
  current: z.string().optional(),
  /** By `host:port`. */
  profiles: z.record(z.string(), ProfileShape),
  /** By resource id; outlives a sign-out, so that ports and choices stay. */
  resources: z.record(z.string(), RememberedShape).default({}),
  /** Resource ids, in the order in which they were chosen. */
  favourites: z.array(z.string()).default([]),
  /** Tunnels of the engine as they were last, in order. */
  tunnels: z.array(StoredTunnelShape).default([]),
})
export type StoredState = z.infer<typeof StoredStateShape>

export const EMPTY_STORED_STATE: StoredState = { version: 1, profiles: {}, resources: {}, favourites: [], tunnels: [] }

/** The public host CA of one cluster, PEM and authorized_keys lines. */
export interface StoredHostCa {
  readonly cluster: string
  readonly tls: readonly string[]
  readonly ssh: readonly string[]
}

/** How the user said that the proxy's web certificate is to be trusted. */
export interface StoredTrust {
  readonly extraRoots: readonly string[]
  readonly caPin: string | undefined
  readonly insecure: boolean
}

/** A login kept on disk, without its keys. */
export interface StoredProfile {
  /** `host:port`; names the profile. */
  readonly proxy: string
  readonly cluster: string
  readonly user: string
  /** As the proxy announced it at login. */
  readonly serverVersion: string
  readonly roles: readonly string[]
  readonly logins: readonly string[]
  readonly kubeUsers: readonly string[]
  readonly kubeGroups: readonly string[]
  readonly databaseUsers: readonly string[]
  readonly databaseNames: readonly string[]
  /** ms since 1970: NotAfter of the login certificate. */
  readonly validUntil: number
  readonly hostCas: readonly StoredHostCa[]
  readonly trust: StoredTrust
  /** SHA-256 fingerprint of the web certificate that was accepted by pin or `--insecure` at sign-in: tunnels take no other. */
  readonly webCertificate?: string | undefined
  /** A login of tsh's: read from its files, never written. Absent = ours. */
  readonly source?: 'tsh'
  /** The leaf whose resources are on show; absent = the root. Kept through a sign-in. */
  readonly shownCluster?: string | undefined
}

/** What was last used for a resource. */
export interface Remembered {
  readonly databaseUser?: string | undefined
  readonly databaseName?: string | undefined
  readonly port?: number | undefined
  /** Id of the tool it was opened in. */
  readonly tool?: string | undefined
}
