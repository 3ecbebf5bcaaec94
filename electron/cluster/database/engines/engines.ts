import type { AgentEngine } from './engine.ts'
import { mongoEngine } from './mongodb.ts'
import { mysqlEngine } from './mysql.ts'
import { postgresEngine } from './postgres.ts'
import { httpEngine, rawEngine } from './raw.ts'
import { redisEngine } from './redis.ts'

/** By `spec.protocol` of the database. A protocol that is not here is announced and listed, but a session is closed at once. */
export const ENGINES: Readonly<Record<string, AgentEngine>> = {
  postgres: postgresEngine({ checksNames: true }),
  // CockroachDB is checked by user only. wire/database.md 8
  cockroachdb: postgresEngine({ checksNames: false }),
  mysql: mysqlEngine(),
  mongodb: mongoEngine,
  redis: redisEngine,
  sqlserver: rawEngine,
  snowflake: httpEngine,
  cassandra: rawEngine,
  elasticsearch: httpEngine,
  opensearch: httpEngine,
  dynamodb: httpEngine,
  oracle: rawEngine,
  clickhouse: rawEngine,
  'clickhouse-http': httpEngine,
}
