import pg, { type ClientConfig } from 'pg'
import { PorticoError } from '../../../shared/errors.ts'

/** Until there is a connection, its TLS and login included. */
const CONNECT_MS = 5_000
/** The server gives up a statement, ours are all short; shorter than our own deadline, which costs the connection. */
const STATEMENT_MS = 8_000
const ANSWER_MS = 10_000

export interface Postgres {
  readonly config: ClientConfig
  /** For messages: where it is, without account and password. */
  readonly name: string
}

/**
 * Reads a connection string as node-postgres does: `postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=…`.
 * What it leaves open comes from PGHOST, PGPASSWORD, ~/.pgpass and so on.
 * @throws PorticoError cluster/config, without the string in it
 */
export function readConnString(connString: string): Postgres {
  const config: ClientConfig = {
    connectionString: connString,
    application_name: 'portico',
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
  }
  if (!/^postgres(ql)?:\/\//.test(connString)) throw wrongConnString('it must start with postgresql://')
  try {
    const { host, port, database } = new pg.Client(config)
    return { config, name: `PostgreSQL at ${host.startsWith('/') ? host : `${host}:${port}`}, database ${database ?? 'by default'}` }
  } catch (thrown) {
    // A file of sslcert, sslkey or sslrootcert that cannot be read is named; what else the error says may hold the string.
    const { path } = thrown as NodeJS.ErrnoException
    throw wrongConnString(path === undefined ? 'it cannot be read' : `${path} cannot be read`)
  }
}

function wrongConnString(why: string): PorticoError {
  return new PorticoError('cluster/config', { key: 'teleport.storage.conn_string', why: `teleport.storage.conn_string: ${why}` })
}

/** SQLSTATE class 08, an administrator's or a crash's end of sessions, a server that is just starting. */
const GONE = /^(08...|57P0[1-3]|ECONNRESET|EPIPE|ECONNABORTED)$/

/** Whether the connection is to blame and not the statement. */
export function isConnectionLost(thrown: unknown): boolean {
  const { code = '', message = '' } = thrown as { code?: string; message?: string }
  return GONE.test(code) || message.startsWith('Connection terminated')
}

/** @returns cluster/storage or state/disk-full, naming the database */
export function asStorageError(thrown: unknown, database: string): PorticoError {
  if (thrown instanceof PorticoError) return thrown
  const { code, message = '' } = thrown as { code?: string; message?: string }
  if (code === '53100') return new PorticoError('state/disk-full', { path: database }, thrown)
  // An AggregateError, where a name has several addresses, says nothing itself.
  return new PorticoError('cluster/storage', { database, why: `${database}: ${message === '' ? (code ?? 'failed') : message}` }, thrown)
}
