import { z } from 'zod'
import { ERRORS, type ErrorCode } from './errors.ts'
import type { DatabaseId } from './ids.ts'

/** What the faces show. Main owns it; a window gets whole slices and never writes. Times are ms since 1970. */

export const FailureShape = z.object({
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string()).readonly()])),
})

export const DatabaseIdShape = z.custom<DatabaseId>(
  v => typeof v === 'string' && v.length <= 2048 && /^\/clusters\/[^/]+(\/leaves\/[^/]+)?\/db\/[^/]+$/.test(v),
)

/** A login kept on disk. `proxy` is `host:port` and names it. */
export const ProfileShape = z.object({
  proxy: z.string(),
  cluster: z.string(),
  user: z.string(),
  roles: z.array(z.string()),
  logins: z.array(z.string()),
  kubeUsers: z.array(z.string()),
  kubeGroups: z.array(z.string()),
  validUntil: z.number(),
  expired: z.boolean(),
  current: z.boolean(),
  source: z.enum(['portico', 'tsh']),
})
export type Profile = z.infer<typeof ProfileShape>

export const DatabaseShape = z.object({
  id: DatabaseIdShape,
  name: z.string(),
  /** `spec.protocol`: `postgres`, `mysql`, … */
  dbProtocol: z.string(),
  /** What a tunnel offers, ping name first; empty when Portico does not know the protocol. */
  alpn: z.array(z.string()),
  /** What a MySQL server calls itself, where its cluster knows. */
  serverVersion: z.string().optional(),
  description: z.string(),
  labels: z.record(z.string(), z.string()),
  uri: z.string(),
  cluster: z.string(),
  /** Host ids of the agents that serve it. */
  agents: z.array(z.string()),
  /** Accounts that the roles allow; `*` means any. */
  databaseUsers: z.array(z.string()),
  databaseNames: z.array(z.string()),
  /** What Connect would use without a choice; null = the person must choose. */
  databaseUser: z.string().nullable(),
  databaseName: z.string().nullable(),
  /** Where a tunnel listens or would listen. */
  port: z.number(),
  /** The tool it was last opened in; null = none yet. */
  lastTool: z.string().nullable(),
})
export type Database = z.infer<typeof DatabaseShape>

export const TunnelModeShape = z.enum(['authenticated', 'passthrough'])
export type TunnelMode = z.infer<typeof TunnelModeShape>

const tunnelBase = {
  id: z.string(),
  resource: DatabaseIdShape,
  kind: z.literal('db'),
  name: z.string(),
  cluster: z.string(),
  dbProtocol: z.string(),
  mode: TunnelModeShape,
  databaseUser: z.string(),
  databaseName: z.string(),
  alpn: z.array(z.string()),
  since: z.number(),
}
const listening = {
  port: z.number(),
  /** `127.0.0.1:N`, `[::1]:N`. */
  addresses: z.array(z.string()),
  socket: z.string().nullable(),
  url: z.string().nullable(),
  jdbc: z.string().nullable(),
  /** A line for the user's own shell, quoted. */
  command: z.string(),
  connections: z.number(),
  /** Connections held while a sign-in is needed. */
  waiting: z.number(),
  bytesIn: z.number(),
  bytesOut: z.number(),
  /** End of the certificate that new connections use; null until there is one. */
  certificateUntil: z.number().nullable(),
  /** The last connection that failed, until one works. */
  trouble: FailureShape.nullable(),
}
export const TunnelShape = z.discriminatedUnion('state', [
  z.object({ ...tunnelBase, state: z.literal('starting') }),
  z.object({ ...tunnelBase, ...listening, state: z.literal('open') }),
  z.object({ ...tunnelBase, ...listening, state: z.literal('stopping') }),
  z.object({ ...tunnelBase, state: z.literal('failed'), failure: FailureShape }),
])
export type Tunnel = z.infer<typeof TunnelShape>

/** The sign-in of the cluster on show. */
export const SessionShape = z.discriminatedUnion('state', [
  /** Nobody signed in on this home: the welcome page. */
  z.object({ state: z.literal('none') }),
  z.object({ state: z.literal('active'), profile: ProfileShape }),
  /** `waiting` connections of `tunnels` tunnels go on after the next sign-in. */
  z.object({ state: z.literal('ended'), profile: ProfileShape, endedAt: z.number(), waiting: z.number(), tunnels: z.number() }),
])
export type Session = z.infer<typeof SessionShape>

export const LabShape = z.discriminatedUnion('state', [
  z.object({ state: z.literal('off') }),
  z.object({ state: z.literal('starting'), step: z.string() }),
  z.object({ state: z.literal('running'), proxy: z.string(), pid: z.number() }),
  z.object({ state: z.literal('failed'), failure: FailureShape }),
])
export type Lab = z.infer<typeof LabShape>

export const ListShape = z.object({
  state: z.enum(['idle', 'loading', 'ready', 'failed']),
  items: z.array(DatabaseShape),
  failure: FailureShape.nullable(),
})
export type DatabaseList = z.infer<typeof ListShape>

/** Whether the proxy of the cluster on show answers; checked while something is shown or connected. */
export const ProxyShape = z.object({ reachable: z.boolean(), since: z.number(), failure: FailureShape.nullable() })
export type ProxyHealth = z.infer<typeof ProxyShape>

/** A cluster behind the proxy of the profile on show: its root, or a leaf. `current`: its resources are listed. */
export const ClusterShape = z.object({ name: z.string(), root: z.boolean(), online: z.boolean(), current: z.boolean() })
export type Cluster = z.infer<typeof ClusterShape>

/** One open connection of a tunnel. `from`: the local program; null where the system does not tell. */
export const ConnectionShape = z.object({
  id: z.number().int(),
  from: z.object({ pid: z.number().int(), program: z.string() }).nullable(),
  state: z.enum(['waiting', 'open']),
  since: z.number(),
  bytesIn: z.number(),
  bytesOut: z.number(),
})
export type Connection = z.infer<typeof ConnectionShape>

/** What `settings.yaml` holds, defaults filled in. */
export const SettingsShape = z.object({
  theme: z.enum(['system', 'light', 'dark']),
  /** Label key that groups the list; null = none. */
  groupBy: z.string().max(256).nullable(),
  startAtLogin: z.boolean(),
  /** Without a window, when the system starts it. */
  startHidden: z.boolean(),
  restoreTunnels: z.boolean(),
  notifications: z.boolean(),
  /** Program that opens a command line; null = found by itself. */
  terminal: z.string().max(1024).nullable(),
})
export type Settings = z.infer<typeof SettingsShape>
export const DEFAULT_SETTINGS: Settings = {
  theme: 'system',
  groupBy: null,
  startAtLogin: false,
  startHidden: false,
  restoreTunnels: true,
  notifications: true,
  terminal: null,
}

/** The process that holds the tunnels of this home. */
export const EngineShape = z.object({
  host: z.enum(['app', 'headless']),
  pid: z.number().int(),
  since: z.number(),
  version: z.string(),
  /** The folder that holds settings.yaml, in the writing of the system. */
  home: z.string().optional(),
})
export type EngineState = z.infer<typeof EngineShape>

/** A program that a database can be opened in. */
export const ToolShape = z.object({
  id: z.string(),
  title: z.string(),
  found: z.boolean(),
  /** Was used last for this database. */
  last: z.boolean(),
})
export type Tool = z.infer<typeof ToolShape>

/** A line of the log, secrets removed. */
export const LogEntryShape = z.object({
  at: z.number(),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  event: z.string(),
  facts: z.record(z.string(), z.unknown()),
})
export type LogEntry = z.infer<typeof LogEntryShape>

/** Notes that a person should read once: a state file set aside as `.bad`, a keychain that is missing. */
export const NoticeShape = z.object({ id: z.string(), text: z.string() })

export const AppStateShape = z.object({
  session: SessionShape,
  profiles: z.array(ProfileShape),
  databases: ListShape,
  tunnels: z.array(TunnelShape),
  lab: LabShape,
  proxy: ProxyShape,
  notices: z.array(NoticeShape),
  /** Of the profile on show, root first. */
  clusters: z.array(ClusterShape),
  favourites: z.array(DatabaseIdShape),
  settings: SettingsShape,
  engine: EngineShape,
})
export type AppState = z.infer<typeof AppStateShape>

/** Slices that changed, whole; `revision` counts changes from 1 without gaps. */
export const ChangeShape = z.object({ revision: z.number(), slices: AppStateShape.partial() })
export type Change = z.infer<typeof ChangeShape>

export const EMPTY_STATE: AppState = {
  session: { state: 'none' },
  profiles: [],
  databases: { state: 'idle', items: [], failure: null },
  tunnels: [],
  lab: { state: 'off' },
  proxy: { reachable: true, since: 0, failure: null },
  notices: [],
  clusters: [],
  favourites: [],
  settings: DEFAULT_SETTINGS,
  engine: { host: 'app', pid: 0, since: 0, version: '' },
}
