import type { Address } from '../../shared/address.ts'
import { formatAddress } from '../../shared/address.ts'
import { DATABASE_PROTOCOLS } from '../../shared/protocols.ts'

/** What a database's own client needs to be told. */
export interface ClientTarget {
  readonly dbProtocol: string
  readonly address: Address
  readonly databaseUser: string
  readonly databaseName: string
  /** Set when the client itself brings the certificate: passthrough, or straight to the proxy. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
}

/** A program and its arguments; `install` names the packages for a person who has not got it. */
export interface ClientCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly install: string
}

const INSTALL: Readonly<Record<string, string>> = {
  psql: 'install it: postgresql-client (Debian, Ubuntu), postgresql (Fedora), libpq (Homebrew), postgresql.org (Windows)',
  mysql: 'install it: default-mysql-client (Debian, Ubuntu), mysql (Fedora), mysql-client (Homebrew)',
  mongosh: 'install it: mongodb-mongosh (mongodb.com/try/download/shell)',
  'redis-cli': 'install it: redis-tools (Debian, Ubuntu), redis (Fedora, Homebrew)',
}

const encode = encodeURIComponent
const hostPort = (address: Address): string => formatAddress(address)

/** For libpq a `+` is a plus and every other mark is percent-encoded, so that each part reaches the database as one value. */
function postgresUrl({ address, databaseUser, databaseName, tls }: ClientTarget): string {
  const user = databaseUser === '' ? '' : `${encode(databaseUser)}@`
  const url = `postgres://${user}${hostPort(address)}/${encode(databaseName)}`
  return tls === undefined
    ? url
    : `${url}?sslrootcert=${encode(tls.ca)}&sslcert=${encode(tls.cert)}&sslkey=${encode(tls.key)}&sslmode=verify-full&gssencmode=disable`
}

/** A URL that drivers of this protocol read; null when the protocol has none that they agree on. */
export function clientUrl(target: ClientTarget): string | null {
  const scheme = Object.hasOwn(DATABASE_PROTOCOLS, target.dbProtocol) ? DATABASE_PROTOCOLS[target.dbProtocol]?.urlScheme : undefined
  if (scheme === undefined) return null
  if (scheme === 'postgres') return postgresUrl(target)
  const at = hostPort(target.address)
  const user = target.databaseUser === '' ? '' : `${encode(target.databaseUser)}@`
  if (scheme === 'http' || scheme === 'mongodb' || scheme === 'redis') return `${scheme}://${at}/${encode(target.databaseName)}`
  return `${scheme}://${user}${at}/${encode(target.databaseName)}`
}

/** What JDBC tools (DBeaver, DataGrip) take; null when there is none. */
export function jdbcUrl(target: ClientTarget): string | null {
  const { dbProtocol, databaseUser, databaseName, tls } = target
  const at = hostPort(target.address)
  if (dbProtocol === 'postgres' || dbProtocol === 'cockroachdb') {
    const files =
      tls === undefined ? '' : `&sslmode=verify-full&sslrootcert=${encode(tls.ca)}&sslcert=${encode(tls.cert)}&sslkey=${encode(tls.key)}`
    return `jdbc:postgresql://${at}/${encode(databaseName)}?user=${encode(databaseUser)}${files}`
  }
  if (tls !== undefined) return null
  if (dbProtocol === 'mysql') return `jdbc:mysql://${at}/${encode(databaseName)}?user=${encode(databaseUser)}&sslMode=DISABLED`
  // {…} is SQL Server's quoting of a property; a closing brace is doubled.
  const property = (value: string): string => `{${value.replaceAll('}', '}}')}}`
  if (dbProtocol === 'sqlserver')
    return `jdbc:sqlserver://${at};databaseName=${property(databaseName)};user=${property(databaseUser)};encrypt=false`
  return null
}

/**
 * The database's own client on `target`. Teleport: lib/client/db/dbcmd; wire/database.md 10.3
 * @returns undefined for a protocol whose client Portico does not know
 */
export function clientCommand(target: ClientTarget): ClientCommand | undefined {
  const {
    dbProtocol,
    address: { host, port },
    databaseUser,
    databaseName,
    tls,
  } = target
  const make = (program: string, args: readonly string[]): ClientCommand => ({ program, args, install: INSTALL[program] ?? 'install it' })
  if (dbProtocol === 'postgres' || dbProtocol === 'cockroachdb') return make('psql', [postgresUrl(target)])
  if (tls !== undefined) return undefined
  if (dbProtocol === 'mysql') {
    const database = databaseName === '' ? [] : [`--database=${databaseName}`]
    return make('mysql', [`--user=${databaseUser}`, ...database, `--port=${port}`, `--host=${host}`, '--protocol=TCP'])
  }
  if (dbProtocol === 'mongodb')
    return make('mongosh', [`mongodb://${hostPort(target.address)}/${encode(databaseName)}?serverSelectionTimeoutMS=5000`])
  if (dbProtocol === 'redis')
    return make('redis-cli', ['-h', host, '-p', String(port), ...(databaseName === '' ? [] : ['-n', databaseName])])
  return undefined
}

/** Environment of libpq, so that any Postgres program goes straight there. Teleport: lib/client/db/postgres */
export function postgresEnvironment({ address, databaseUser, databaseName, tls }: ClientTarget): Readonly<Record<string, string>> {
  return {
    PGHOST: address.host,
    PGPORT: String(address.port),
    ...(databaseUser === '' ? {} : { PGUSER: databaseUser }),
    ...(databaseName === '' ? {} : { PGDATABASE: databaseName }),
    ...(tls === undefined
      ? { PGSSLMODE: 'disable' }
      : { PGSSLMODE: 'verify-full', PGSSLROOTCERT: tls.ca, PGSSLCERT: tls.cert, PGSSLKEY: tls.key }),
    PGGSSENCMODE: 'disable',
  }
}
