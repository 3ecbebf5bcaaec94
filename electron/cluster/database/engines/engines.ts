import type { AgentEngine } from './engine.ts'
import { postgresEngine } from './postgres.ts'

/** By `spec.protocol` of the database. A protocol that is not here is announced and listed, but a session is closed at once. */
export const ENGINES: Readonly<Record<string, AgentEngine>> = {
  postgres: postgresEngine({ checksNames: true }),
  // CockroachDB is checked by user only. wire/database.md 8
  cockroachdb: postgresEngine({ checksNames: false }),
}
