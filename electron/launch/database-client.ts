import { DATABASE_PROTOCOLS } from '../../shared/protocols.ts'
import { encode, hostPort, query, type ClientStart, type ClientTarget, type DatabaseClient } from './client-target.ts'
import { CQLSH } from './clients/cassandra.ts'
import { CLICKHOUSE, clickHouseJdbc, clickHouseUrl } from './clients/clickhouse.ts'
import { AWS_DYNAMODB, CLICKHOUSE_HTTP, ELASTICSEARCH, httpUrl, OPENSEARCH } from './clients/http.ts'
import { MONGOSH, mongoUrl } from './clients/mongodb.ts'
import { MYSQL, mysqlUrl } from './clients/mysql.ts'
import { oracleJdbc, SQLPLUS } from './clients/oracle.ts'
import { COCKROACH, postgresUrl, PSQL } from './clients/postgres.ts'
import { REDIS_CLI, redisUrl } from './clients/redis.ts'
import { snowflakeJdbc, SNOWSQL } from './clients/snowflake.ts'
import { SQLCMD, sqlServerJdbc, sqlServerUrl } from './clients/sqlserver.ts'

interface ProtocolRow {
  readonly client: DatabaseClient
  /** What drivers of this protocol read; absent where they agree on no form. */
  readonly url?: (target: ClientTarget) => string
  /** What JDBC tools (DBeaver, DataGrip) take without TLS. Most drivers read no PEM files. */
  readonly jdbc?: (target: ClientTarget) => string
  /** The same when the client brings its files. */
  readonly jdbcWithFiles?: (target: ClientTarget) => string
}

/** The one table: database protocol → its client. Teleport: lib/client/db/dbcmd; wire/database.md 10.3 */
const ROWS: Readonly<Record<string, ProtocolRow>> = {
  postgres: { client: PSQL, url: postgresUrl, jdbc: postgresJdbc, jdbcWithFiles: postgresJdbc },
  cockroachdb: { client: COCKROACH, url: postgresUrl, jdbc: postgresJdbc, jdbcWithFiles: postgresJdbc },
  mysql: { client: MYSQL, url: mysqlUrl, jdbc: mysqlJdbc },
  mongodb: { client: MONGOSH, url: mongoUrl },
  redis: { client: REDIS_CLI, url: redisUrl },
  sqlserver: { client: SQLCMD, url: sqlServerUrl, jdbc: sqlServerJdbc },
  snowflake: { client: SNOWSQL, jdbc: snowflakeJdbc },
  cassandra: { client: CQLSH },
  elasticsearch: { client: ELASTICSEARCH, url: httpUrl, jdbc: target => `jdbc:es://${httpUrl(target)}` },
  opensearch: { client: OPENSEARCH, url: httpUrl, jdbc: target => `jdbc:opensearch://${httpUrl(target)}` },
  dynamodb: { client: AWS_DYNAMODB, url: httpUrl },
  oracle: { client: SQLPLUS, jdbc: oracleJdbc },
  clickhouse: { client: CLICKHOUSE, url: clickHouseUrl },
  'clickhouse-http': { client: CLICKHOUSE_HTTP, url: httpUrl, jdbc: clickHouseJdbc },
}

const rowOf = (dbProtocol: string): ProtocolRow | undefined => (Object.hasOwn(ROWS, dbProtocol) ? ROWS[dbProtocol] : undefined)

function postgresJdbc(target: ClientTarget): string {
  const { databaseUser, databaseName, tls } = target
  const files = tls === undefined ? {} : { sslmode: 'verify-full', sslrootcert: tls.ca, sslcert: tls.cert, sslkey: tls.key }
  return `jdbc:postgresql://${hostPort(target)}/${encode(databaseName)}${query({ user: databaseUser, ...files })}`
}

function mysqlJdbc(target: ClientTarget): string {
  return `jdbc:mysql://${hostPort(target)}/${encode(target.databaseName)}${query({ user: target.databaseUser, sslMode: 'DISABLED' })}`
}

/** The client of a protocol; undefined where Portico knows none (Spanner's needs a project and an instance, which no list tells). */
export function databaseClient(dbProtocol: string): DatabaseClient | undefined {
  return rowOf(dbProtocol)?.client
}

/** A URL that drivers of this protocol read; null when the protocol has none that they agree on. */
export function clientUrl(target: ClientTarget): string | null {
  return rowOf(target.dbProtocol)?.url?.(target) ?? null
}

/** What JDBC tools (DBeaver, DataGrip) take; null when there is none. */
export function jdbcUrl(target: ClientTarget): string | null {
  const row = rowOf(target.dbProtocol)
  return (target.tls === undefined ? row?.jdbc : row?.jdbcWithFiles)?.(target) ?? null
}

/** How `client` is started with what the user adds. */
export function clientStart(client: DatabaseClient, target: ClientTarget, program: string, rest: readonly string[]): ClientStart {
  const start = client.start?.(target, program, rest) ?? { args: [...client.args(target, program), ...rest] }
  return { args: start.args, env: { ...client.variables?.(target), ...start.env } }
}

/** What brings a client to this system, in words. */
export function installHint({ install }: DatabaseClient, platform: NodeJS.Platform): string {
  return `install it: ${platform === 'win32' || platform === 'darwin' ? install[platform] : install.linux}`
}

/** Whether a client of this protocol may go without a tunnel, its certificate at hand. wire/database.md 10.5 */
export function offersPassthrough(dbProtocol: string): boolean {
  return Object.hasOwn(DATABASE_PROTOCOLS, dbProtocol) && DATABASE_PROTOCOLS[dbProtocol]?.tunnelOnly === false
}
