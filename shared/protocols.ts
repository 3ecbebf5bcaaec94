/**
 * The one table of ALPN names and database protocols. No other source spells an ALPN name.
 * Teleport: lib/srv/alpnproxy/common/protocols.go, lib/defaults/defaults.go; RFD 39.
 */

export const ALPN = {
  http11: 'http/1.1',
  h2: 'h2',
  acme: 'acme-tls/1',
  proxySsh: 'teleport-proxy-ssh',
  proxySshGrpc: 'teleport-proxy-ssh-grpc',
  reverseTunnel: 'teleport-reversetunnel',
  reverseTunnelV2: 'teleport-reversetunnelv2',
  /** RFD 39's spelling; served, never sent. */
  reverseTunnelRfd: 'teleport-reverse-tunnel',
  /** A prefix: the encoded cluster name follows. */
  auth: 'teleport-auth@',
  proxyGrpc: 'teleport-proxy-grpc',
  proxyGrpcMtls: 'teleport-proxy-grpc-mtls',
  tcp: 'teleport-tcp',
  postgres: 'teleport-postgres',
  mysql: 'teleport-mysql',
  mongodb: 'teleport-mongodb',
  redis: 'teleport-redis',
  sqlserver: 'teleport-sqlserver',
  snowflake: 'teleport-snowflake',
  cassandra: 'teleport-cassandra',
  elasticsearch: 'teleport-elasticsearch',
  opensearch: 'teleport-opensearch',
  dynamodb: 'teleport-dynamodb',
  oracle: 'teleport-oracle',
  clickhouse: 'teleport-clickhouse',
  spanner: 'teleport-spanner',
} as const

export const PING_SUFFIX = '-ping'

/** Kube SNI, both spellings: the prefix must end at its dot, case counts. wire/alpn-sni.md 4.1 */
export const KUBE_SNI_PREFIXES = ['kube-teleport-proxy-alpn.', 'kube.'] as const

/** SNI names of the form `<hex of cluster>.teleport.cluster.local`. Teleport: api/utils/cluster.go. */
export const CLUSTER_SNI_SUFFIX = 'teleport.cluster.local'

export interface DatabaseProtocol {
  /** For people: `PostgreSQL`. */
  readonly title: string
  /** Two letters for a tile. */
  readonly tile: string
  readonly alpn: string
  /** The port that ordinary clients expect; shown where a server names none. */
  readonly defaultPort: number
  /** Who sends the first byte on an authenticated tunnel. */
  readonly speaksFirst: 'client' | 'server'
  /** In passthrough mode the client opens TLS at once (else in-protocol). wire/alpn-sni.md 1.3 */
  readonly tlsInTls: boolean
  /** HTTP/1.1: a web page in a browser can send such requests too, so each is looked at. */
  readonly http: boolean
  /** Passthrough is not offered: the protocol works through an authenticated tunnel only. */
  readonly tunnelOnly: boolean
  /** The logical database chosen when nothing else says one. */
  readonly defaultDatabase?: string
  readonly urlScheme?: string
}

const row = (title: string, tile: string, alpn: string, defaultPort: number, more: Partial<DatabaseProtocol> = {}): DatabaseProtocol => ({
  title,
  tile,
  alpn,
  defaultPort,
  speaksFirst: 'client',
  tlsInTls: true,
  http: false,
  tunnelOnly: false,
  ...more,
})

/** `spec.protocol` of a database, which is also `RouteToDatabase.Protocol` of its certificates. */
export const DATABASE_PROTOCOLS: Readonly<Record<string, DatabaseProtocol>> = {
  postgres: row('PostgreSQL', 'Pg', ALPN.postgres, 5432, { tlsInTls: false, defaultDatabase: 'postgres', urlScheme: 'postgres' }),
  cockroachdb: row('CockroachDB', 'Cr', ALPN.postgres, 26257, { tlsInTls: false, defaultDatabase: 'defaultdb', urlScheme: 'postgres' }),
  mysql: row('MySQL', 'My', ALPN.mysql, 3306, { tlsInTls: false, speaksFirst: 'server', urlScheme: 'mysql' }),
  mongodb: row('MongoDB', 'Mg', ALPN.mongodb, 27017, { urlScheme: 'mongodb' }),
  redis: row('Redis', 'Rd', ALPN.redis, 6379, { urlScheme: 'redis' }),
  sqlserver: row('SQL Server', 'Ms', ALPN.sqlserver, 1433, { tunnelOnly: true, urlScheme: 'sqlserver' }),
  snowflake: row('Snowflake', 'Sn', ALPN.snowflake, 443, { http: true, tunnelOnly: true }),
  cassandra: row('Cassandra', 'Ca', ALPN.cassandra, 9042, { tunnelOnly: true }),
  elasticsearch: row('Elasticsearch', 'Es', ALPN.elasticsearch, 9200, { http: true, urlScheme: 'http' }),
  opensearch: row('OpenSearch', 'Os', ALPN.opensearch, 9200, { http: true, urlScheme: 'http' }),
  dynamodb: row('DynamoDB', 'Dy', ALPN.dynamodb, 443, { http: true, tunnelOnly: true, urlScheme: 'http' }),
  oracle: row('Oracle', 'Or', ALPN.oracle, 1521, { tunnelOnly: true }),
  clickhouse: row('ClickHouse', 'Ck', ALPN.clickhouse, 9000, { tunnelOnly: true }),
  'clickhouse-http': row('ClickHouse HTTP', 'Ck', ALPN.clickhouse, 8123, { http: true, tunnelOnly: true, urlScheme: 'http' }),
  spanner: row('Spanner', 'Sp', ALPN.spanner, 443, { tunnelOnly: true }),
}

/** Longer names do not fit into the extension. RFC 7301 §3.1 */
const ALPN_LIMIT = 255

/**
 * What a client offers for a database protocol: ping names first, plain names kept. wire/alpn-sni.md 1.5
 * @param version64 MySQL, passthrough only: the server's version, base64. The proxy greets with it, before it knows which database is wanted
 * @returns undefined for a protocol that has no ALPN name.
 */
export function databaseAlpn(dbProtocol: string, version64 = ''): readonly string[] | undefined {
  const found = Object.hasOwn(DATABASE_PROTOCOLS, dbProtocol) ? DATABASE_PROTOCOLS[dbProtocol] : undefined
  if (found === undefined) return undefined
  const withVersion = `${ALPN.mysql}-${version64}`
  const tellsVersion = found.alpn === ALPN.mysql && version64 !== '' && withVersion.length <= ALPN_LIMIT
  return [found.alpn + PING_SUFFIX, found.alpn, ...(tellsVersion ? [withVersion] : [])]
}

/** `teleport-auth@<hex>.teleport.cluster.local` for the auth server of `cluster`; it must be the first name offered. */
export function authAlpn(clusterSni: string): string {
  return ALPN.auth + clusterSni
}
