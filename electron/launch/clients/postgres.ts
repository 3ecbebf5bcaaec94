import { encode, hostPort, type ClientTarget, type DatabaseClient } from '../client-target.ts'

/** For libpq a `+` is a plus and every other mark is percent-encoded, so that each part reaches the database as one value. */
export function postgresUrl(target: ClientTarget): string {
  const { databaseUser, databaseName, tls } = target
  const user = databaseUser === '' ? '' : `${encode(databaseUser)}@`
  const url = `postgres://${user}${hostPort(target)}/${encode(databaseName)}`
  if (tls === undefined) return url
  const ca = tls.ca === undefined ? '' : `sslrootcert=${encode(tls.ca)}&`
  return `${url}?${ca}sslcert=${encode(tls.cert)}&sslkey=${encode(tls.key)}&sslmode=verify-full&gssencmode=disable`
}

/** libpq's variables: any Postgres program goes straight there. Teleport: lib/client/db/postgres */
function environment({ address, databaseUser, databaseName, tls }: ClientTarget): Readonly<Record<string, string>> {
  return {
    PGHOST: address.host,
    PGPORT: String(address.port),
    ...(databaseUser === '' ? {} : { PGUSER: databaseUser }),
    ...(databaseName === '' ? {} : { PGDATABASE: databaseName }),
    ...(tls === undefined
      ? { PGSSLMODE: 'disable' }
      : {
          PGSSLMODE: 'verify-full',
          ...(tls.ca === undefined ? {} : { PGSSLROOTCERT: tls.ca }),
          PGSSLCERT: tls.cert,
          PGSSLKEY: tls.key,
        }),
    PGGSSENCMODE: 'disable',
  }
}

export const PSQL: DatabaseClient = {
  programs: ['psql'],
  install: {
    linux: 'postgresql-client (Debian, Ubuntu), postgresql (Fedora)',
    darwin: 'libpq (Homebrew)',
    win32: 'PostgreSQL.PostgreSQL.17 (winget), or postgresql.org/download',
  },
  args: target => [postgresUrl(target)],
  // psql takes what follows its database for a user name, unless the database comes as an option. The tunnel is plain on
  // loopback: a PGSSLMODE=require of the user's is about servers far away.
  start: (target, _program, rest) => ({
    args: ['-d', postgresUrl(target), ...rest],
    ...(target.tls === undefined ? { env: { PGSSLMODE: 'disable', PGGSSENCMODE: 'disable', PGSSLNEGOTIATION: undefined } } : {}),
  }),
  environment,
}

/** `cockroach sql` where it is, else psql, as tsh does. */
export const COCKROACH: DatabaseClient = {
  ...PSQL,
  programs: ['cockroach', 'psql'],
  install: { ...PSQL.install, darwin: 'cockroach or libpq (Homebrew)', win32: 'CockroachDB (cockroachlabs.com), or psql (postgresql.org)' },
  args: (target, program) => (program === 'psql' ? PSQL.args(target, program) : cockroachArgs(target)),
  start: (target, program, rest) =>
    program === 'psql' ? PSQL.start!(target, program, rest) : { args: [...cockroachArgs(target), ...rest] },
}

/** Unlike psql it insists on TLS unless told otherwise. */
function cockroachArgs(target: ClientTarget): readonly string[] {
  return ['sql', '--url', `${postgresUrl(target)}${target.tls === undefined ? '?sslmode=disable' : ''}`]
}
