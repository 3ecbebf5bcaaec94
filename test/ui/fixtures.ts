import { databaseId } from '../../shared/ids.ts'
import { databaseAlpn } from '../../shared/protocols.ts'
import {
  DEFAULT_SETTINGS,
  EMPTY_STATE,
  type AppState,
  type Connection,
  type Database,
  type LogEntry,
  type Profile,
  type Tool,
  type Tunnel,
} from '../../shared/state.ts'

/** States of the window, with the names of the pictures it is held against. */

const CLUSTER = 'prod.example.com'
export const PROXY = `${CLUSTER}:443`
const HOUR = 3_600_000

export function aProfile(more: Partial<Profile> = {}): Profile {
  return {
    proxy: PROXY,
    cluster: CLUSTER,
    user: 'alice',
    roles: ['access'],
    logins: ['alice'],
    kubeUsers: [],
    kubeGroups: [],
    validUntil: Date.now() + 7.7 * HOUR + 30_000,
    expired: false,
    current: true,
    source: 'portico',
    ...more,
  }
}

export function aDatabase(name: string, more: Partial<Database> = {}): Database {
  const dbProtocol = more.dbProtocol ?? 'postgres'
  return {
    id: databaseId(CLUSTER, name),
    name,
    dbProtocol,
    alpn: [...(databaseAlpn(dbProtocol) ?? [])],
    description: '',
    labels: {},
    uri: `${name}.internal:5432`,
    cluster: CLUSTER,
    agents: ['db-agent-1'],
    databaseUsers: ['alice', 'reader'],
    databaseNames: ['*'],
    databaseUser: 'alice',
    databaseName: 'shop',
    port: 24017,
    lastTool: null,
    ...more,
  }
}

const base = (database: Database) => ({
  id: `t-${database.name}`,
  resource: database.id,
  kind: 'db' as const,
  name: database.name,
  cluster: database.cluster,
  dbProtocol: database.dbProtocol,
  mode: 'authenticated' as const,
  databaseUser: database.databaseUser ?? 'alice',
  databaseName: database.databaseName ?? 'shop',
  alpn: database.alpn,
  since: Date.now() - 600_000,
})

export function aStartingTunnel(database: Database): Tunnel {
  return { ...base(database), state: 'starting' }
}

export function anOpenTunnel(database: Database, more: Partial<Extract<Tunnel, { state: 'open' }>> = {}): Tunnel {
  const { port, databaseUser, databaseName } = database
  return {
    ...base(database),
    state: 'open',
    port,
    addresses: [`127.0.0.1:${port}`, `[::1]:${port}`],
    socket: null,
    url: `postgres://${databaseUser}@localhost:${port}/${databaseName}`,
    jdbc: `jdbc:postgresql://localhost:${port}/${databaseName}?user=${databaseUser}`,
    command: `psql -h localhost -p ${port} -U ${databaseUser} ${databaseName}`,
    connections: 2,
    waiting: 0,
    bytesIn: 81_920,
    bytesOut: 4096,
    certificateUntil: Date.now() + 3_600_000,
    trouble: null,
    ...more,
  }
}

export function aFailedTunnel(database: Database, failure: Extract<Tunnel, { state: 'failed' }>['failure']): Tunnel {
  return { ...base(database), state: 'failed', failure }
}

const d = (name: string, dbProtocol: string, port: number, labels: Record<string, string>, more: Partial<Database> = {}): Database =>
  aDatabase(name, { dbProtocol, port, labels, ...more })

const orders = d('orders', 'postgres', 24017, { env: 'prod', team: 'shop', region: 'us-east-1' })
const billing = d('billing', 'mysql', 21880, { env: 'prod', team: 'finance' })
const events = d('events', 'mongodb', 27345, { env: 'prod', team: 'platform' })
const metrics = d('metrics', 'postgres', 23333, { env: 'prod', team: 'platform' })
const FEW = [
  orders,
  billing,
  events,
  d('archive', 'postgres', 28121, { env: 'prod', team: 'shop', region: 'us-east-2' }),
  d('cache', 'redis', 20466, { env: 'prod', team: 'shop' }),
  d('catalog', 'mysql', 25590, { env: 'staging', team: 'shop' }),
  d(
    'geo',
    'postgres',
    22904,
    { env: 'prod', team: 'maps', region: 'eu-west-1' },
    { databaseUser: null, databaseUsers: ['maps_rw', 'maps_ro'] },
  ),
  d('logs', 'clickhouse', 29007, { env: 'prod', team: 'platform' }),
  metrics,
  d('payroll', 'sqlserver', 26718, { env: 'prod', team: 'hr' }),
  d('search', 'postgres', 20912, { env: 'dev', team: 'shop' }),
]

export function manyDatabases(count: number): Database[] {
  const [protocols, teams, envs] = [
    ['postgres', 'mysql', 'mongodb', 'redis'],
    ['shop', 'finance', 'maps', 'hr', 'platform'],
    ['prod', 'staging', 'dev'],
  ]
  return Array.from({ length: count }, (_, n) =>
    d(`db-${String(n).padStart(5, '0')}`, protocols[n % 4]!, 20_000 + (n % 10_000), { env: envs[n % 3]!, team: teams[n % 5]! }),
  )
}

const CLUSTERS: AppState['clusters'] = [
  { name: CLUSTER, root: true, online: true, current: true },
  { name: 'eu-leaf', root: false, online: true, current: false },
]

export const TOOLS: readonly Tool[] = [
  { id: 'dbeaver', title: 'DBeaver', found: true, last: true },
  { id: 'psql', title: 'psql', found: true, last: false },
  { id: 'datagrip', title: 'DataGrip', found: true, last: false },
  { id: 'pgcli', title: 'pgcli', found: true, last: false },
  { id: 'tableplus', title: 'TablePlus', found: false, last: false },
  { id: 'pgadmin', title: 'pgAdmin', found: false, last: false },
]

export function aConnection(id: number, more: Partial<Connection> = {}): Connection {
  return {
    id,
    from: { pid: 4711, program: 'DBeaver' },
    state: 'open',
    since: Date.now() - 12 * 60_000,
    bytesIn: 3_200_000,
    bytesOut: 96_000,
    ...more,
  }
}

export const CONNECTIONS: readonly Connection[] = [
  aConnection(7),
  aConnection(9, { from: { pid: 5120, program: 'psql' }, bytesIn: 8400, bytesOut: 912, since: Date.now() - 90_000 }),
]

export const LOG: readonly LogEntry[] = Array.from({ length: 60 }, (_, n): LogEntry => {
  const at = Date.now() - (60 - n) * 7000
  const lines: readonly Omit<LogEntry, 'at'>[] = [
    { level: 'info', event: 'tunnel.open', facts: { tunnel: 't-orders', port: 24017, alpn: 'teleport-postgres-ping' } },
    { level: 'debug', event: 'connection.open', facts: { tunnel: 't-orders', connection: n, pid: 4711, program: 'DBeaver' } },
    { level: 'info', event: 'certificate.renewed', facts: { database: 'orders', user: 'alice', until: '2026-11-24T18:30:00Z' } },
    { level: 'warn', event: 'proxy.unreachable', facts: { proxy: PROXY, why: 'the connection was reset' } },
    {
      level: 'error',
      event: 'settings.broken',
      facts: { line: 4, why: 'theme must be system, light or dark', kept: 'the last good ones' },
    },
  ]
  return { at, ...lines[n % 23 === 22 ? 4 : n % 9 === 8 ? 3 : n % 3]! }
})

const main = (): AppState => ({
  ...EMPTY_STATE,
  clusters: CLUSTERS,
  favourites: [orders.id, billing.id, databaseId(CLUSTER, 'payroll')],
  engine: { host: 'app', pid: 4242, since: Date.now() - 3 * HOUR, version: '0.1.0', home: '/home/alice/.config/portico' },
  session: { state: 'active', profile: aProfile() },
  profiles: [aProfile(), aProfile({ proxy: 'eu.example.com:443', cluster: 'eu.example.com', current: false, expired: true })],
  databases: { state: 'ready', items: [...FEW], failure: null },
  tunnels: [
    anOpenTunnel(orders),
    anOpenTunnel(billing, { connections: 1 }),
    aFailedTunnel(events, { code: 'tunnel/upstream-closed', facts: { why: 'no database agent is online' } }),
    aStartingTunnel(metrics),
  ],
})

const hostile = '"; $(reboot) `id` \u001b[31m<img src=x onerror=alert(1)>\u202egnp.exe'

/** Every state worth looking at. The gallery shows them by name, tests start from them. */
export const STATES = {
  main,
  welcome: () => EMPTY_STATE,
  'lab-starting': () => ({ ...EMPTY_STATE, lab: { state: 'starting', step: 'Starting PostgreSQL' } }),
  'lab-failed': () => ({
    ...EMPTY_STATE,
    lab: { state: 'failed', failure: { code: 'lab/failed', facts: { why: 'PostgreSQL ended with code 1' } } },
  }),
  known: () => ({
    ...EMPTY_STATE,
    profiles: [aProfile({ expired: true })],
    notices: [{ id: 'n1', text: 'state.json could not be read. It was kept as state.json.bad and a new one was started.' }],
  }),
  expired: () => {
    const before = main()
    return {
      ...before,
      session: {
        state: 'ended',
        profile: aProfile({ expired: true, validUntil: Date.now() - 130_000 }),
        endedAt: Date.now() - 130_000,
        waiting: 5,
        tunnels: 3,
      },
      tunnels: before.tunnels.map(tunnel => (tunnel.state === 'open' ? { ...tunnel, waiting: tunnel.name === 'orders' ? 3 : 2 } : tunnel)),
    }
  },
  ending: () => ({ ...main(), session: { state: 'active', profile: aProfile({ validUntil: Date.now() + 12 * 60_000 }) } }),
  'ending-soon': () => ({ ...main(), session: { state: 'active', profile: aProfile({ validUntil: Date.now() + 8.5 * 60_000 }) } }),
  grouped: () => ({ ...main(), settings: { ...DEFAULT_SETTINGS, groupBy: 'team' } }),
  'port-taken': () => ({
    ...main(),
    tunnels: [
      aFailedTunnel(billing, { code: 'tunnel/port-in-use', facts: { port: 21880, pid: 812, program: 'mysqld' } }),
      anOpenTunnel(orders),
    ],
  }),
  tsh: () => ({
    ...EMPTY_STATE,
    profiles: [
      aProfile({ source: 'tsh', current: false }),
      aProfile({ source: 'tsh', proxy: 'eu.example.com:443', cluster: 'eu.example.com', current: false }),
    ],
  }),
  unreachable: () => ({
    ...main(),
    proxy: { reachable: false, since: Date.now() - 90_000, failure: { code: 'proxy/unreachable', facts: { proxy: PROXY } } },
  }),
  notices: () => ({
    ...main(),
    tunnels: [anOpenTunnel(orders, { trouble: { code: 'access/denied', facts: { why: 'user "alice" may not use database "shop"' } } })],
    notices: [{ id: 'n1', text: 'No keychain was found: the key of the vault is kept in a file that only you can read.' }],
  }),
  loading: () => ({ ...main(), databases: { state: 'loading', items: [], failure: null }, tunnels: [] }),
  empty: () => ({ ...main(), databases: { state: 'ready', items: [], failure: null }, tunnels: [] }),
  'list-failed': () => ({
    ...main(),
    databases: { state: 'failed', items: [], failure: { code: 'proxy/timeout', facts: { proxy: PROXY } } },
    tunnels: [],
  }),
  many: () => ({ ...main(), databases: { state: 'ready', items: [...FEW, ...manyDatabases(9_989)], failure: null } }),
  hostile: () => {
    const database = aDatabase(hostile, {
      description: hostile,
      labels: { [hostile]: hostile },
      cluster: hostile,
      databaseUsers: [hostile, 'alice'],
    })
    return {
      ...main(),
      session: { state: 'active', profile: aProfile({ cluster: hostile, user: hostile }) },
      databases: { state: 'ready', items: [database], failure: null },
      tunnels: [],
    }
  },
} as const satisfies Record<string, () => AppState>

export type StateName = keyof typeof STATES
export const HOSTILE = hostile
