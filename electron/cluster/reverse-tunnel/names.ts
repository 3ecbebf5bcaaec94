/** What agents, proxies and leaf proxies call things inside SSH. Teleport: constants.go, lib/reversetunnel, api/types/constants.go; wire/router-config.md 4.2, 5.3 */

export const CHANNEL = {
  heartbeat: 'teleport-heartbeat',
  discovery: 'teleport-discovery',
  transport: 'teleport-transport',
} as const

/** Requests on those channels. */
export const REQUEST = {
  ping: 'ping',
  discovery: 'discovery',
  dial: 'teleport-transport-dial',
  connectionType: 'x-teleport-connection-type',
} as const

export const GLOBAL = {
  /** Drain: take no new channels, connect elsewhere. */
  reconnect: 'reconnect@goteleport.com',
  version: 'x-teleport-version',
  keepAlive: 'keepalive@openssh.com',
  clusterDetails: 'cluster-details@goteleport.com',
} as const

/** Extensions of host certificates. */
export const EXTENSION = {
  authority: 'x-teleport-authority',
  role: 'x-teleport-role',
  roles: 'teleport-roles',
  route: 'teleport-route-to-cluster',
} as const

export const LOCAL_NODE = '@local-node'
export const REMOTE_AUTH = '@remote-auth-server'

/** `conn_type` by the system role in an agent's certificate. A `Proxy` of another cluster is a leaf. */
export const CONNECTION_TYPES: Readonly<Record<string, string>> = {
  Node: 'node',
  App: 'app',
  Kube: 'kube',
  Db: 'db',
  WindowsDesktop: 'windows_desktop',
}
export const LEAF_ROLE = 'Proxy'

/** Types that are never reached but through a tunnel. */
export const TUNNEL_ONLY: ReadonlySet<string> = new Set(['app', 'db'])

/** Key of a registered agent, its SSH user, and `server_id` in a dial request. */
export const serverIdOf = (hostId: string, cluster: string): string => `${hostId}.${cluster}`
