import { join } from 'node:path'
import { PorticoError } from '../../shared/errors.ts'
import { hasUnprintable } from '../../shared/printable.ts'
import type { ClientTarget } from './client-target.ts'
import { isMariaDb } from './clients/mysql.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** A section of a file that a database's clients read by themselves. */
export interface ClientSection {
  readonly path: string
  readonly section: string
  readonly lines: readonly string[]
  /** How a client is told to use it: `psql service=…`. */
  readonly use: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** Whether clients of a protocol read such a file. */
export const readsSections = (dbProtocol: string): boolean => ['postgres', 'cockroachdb', 'mysql'].includes(dbProtocol)

/** Where a section would be written; undefined for protocols whose clients keep no such file. wire/database.md 10.4 */
export function clientSection(
  target: ClientTarget,
  place: { readonly cluster: string; readonly name: string; readonly program: string | undefined },
  env: Environment,
  userHome: string,
  platform: NodeJS.Platform,
): ClientSection | undefined {
  const service = `${place.cluster}-${place.name}`
  if (target.dbProtocol === 'postgres' || target.dbProtocol === 'cockroachdb')
    return {
      path: serviceFile(env, userHome, platform),
      section: service,
      lines: serviceLines(target),
      use: ['psql', `service=${service}`],
      environment: { PGSERVICE: service },
    }
  if (target.dbProtocol !== 'mysql') return undefined
  const program = place.program ?? 'mysql'
  const path = join(userHome, '.my.cnf')
  // On Windows these clients look elsewhere unless told. Teleport: lib/client/db/mysql
  const extra = platform === 'win32' ? [`--defaults-extra-file=${path}`] : []
  return {
    path,
    section: `client_${service}`,
    lines: optionLines(target, program),
    use: [program, ...extra, `--defaults-group-suffix=_${service}`],
    environment: { MYSQL_GROUP_SUFFIX: `_${service}` },
  }
}

/** libpq: https://www.postgresql.org/docs/current/libpq-pgservice.html */
function serviceFile(env: Environment, userHome: string, platform: NodeJS.Platform): string {
  const named = env['PGSERVICEFILE']
  if (named !== undefined && named !== '') return named
  return platform === 'win32'
    ? join(env['APPDATA'] ?? join(userHome, 'AppData', 'Roaming'), 'postgresql', '.pg_service.conf')
    : join(userHome, '.pg_service.conf')
}

/** libpq takes a value as it stands, to the line's end: there is no quoting. */
function serviceLines({ address, databaseUser, databaseName, tls }: ClientTarget): readonly string[] {
  return lines('=', plain, {
    host: address.host,
    port: String(address.port),
    user: databaseUser,
    dbname: databaseName,
    sslmode: 'verify-full',
    sslrootcert: tls?.ca,
    sslcert: tls?.cert,
    sslkey: tls?.key,
    gssencmode: 'disable',
  })
}

/** `protocol`: with `localhost` alone these clients would go to a Unix socket. */
function optionLines({ address, databaseUser, databaseName, tls }: ClientTarget, program: string): readonly string[] {
  const files = lines('=', quoted, {
    host: address.host,
    port: String(address.port),
    protocol: 'TCP',
    user: databaseUser,
    database: databaseName,
    ...(isMariaDb(program) ? {} : { 'ssl-mode': 'VERIFY_IDENTITY' }),
    'ssl-ca': tls?.ca,
    'ssl-cert': tls?.cert,
    'ssl-key': tls?.key,
  })
  return isMariaDb(program) ? [...files, 'ssl-verify-server-cert=1'] : files
}

function lines(between: string, write: (value: string) => string, values: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined || value === '') return []
    if (hasUnprintable(value))
      throw new PorticoError('usage/invalid', { why: `such a ${name} cannot be written into a configuration file` })
    return [`${name}${between}${write(value)}`]
  })
}

function plain(value: string): string {
  if (value.trim() !== value) throw new PorticoError('usage/invalid', { why: 'a value that begins or ends with a space cannot be written' })
  return value
}

/** Backslashes are doubled, as tsh does; quotes where a `#` would begin a comment. dev.mysql.com "Using Option Files" */
function quoted(value: string): string {
  const text = value.replaceAll('\\', '\\\\')
  if (/^[^\s#'"](?:[^#'"]*[^\s#'"])?$/.test(value)) return text
  return `"${text.replaceAll('"', '\\"')}"`
}
