import { describe, expect, it } from 'vitest'
import { DATABASE_PROTOCOLS } from '../../../shared/protocols.ts'
import type { ClientTarget } from '../../../electron/launch/client-target.ts'
import {
  clientStart,
  clientUrl,
  databaseClient,
  installHint,
  jdbcUrl,
  offersPassthrough,
} from '../../../electron/launch/database-client.ts'
import { commandLine } from '../../../electron/launch/quote.ts'

const target = (dbProtocol: string, more: Partial<ClientTarget> = {}): ClientTarget => ({
  dbProtocol,
  address: { host: 'localhost', port: 24017 },
  databaseUser: 'alice',
  databaseName: 'app',
  ...more,
})
const tls = { ca: '/h/ca.pem', cert: '/h/a b/cert.pem', key: '/h/key.pem', pair: '/h/pair.pem' }

/** As a person copies it. */
function line(to: ClientTarget, program: string): string {
  const client = databaseClient(to.dbProtocol)!
  return commandLine([program, ...client.args(to, program)], 'posix', client.variables?.(to))
}

/** Without and with the client's own certificate. Teleport 13: fixtures tsh-output/*-tunnel.out, *-config-*-cmd.out */
const LINES: readonly (readonly [dbProtocol: string, program: string, tunnel: string, passthrough?: string])[] = [
  [
    'postgres',
    'psql',
    'psql postgres://alice@localhost:24017/app',
    "psql 'postgres://alice@localhost:24017/app?sslrootcert=%2Fh%2Fca.pem&sslcert=%2Fh%2Fa%20b%2Fcert.pem&sslkey=%2Fh%2Fkey.pem&sslmode=verify-full&gssencmode=disable'",
  ],
  ['cockroachdb', 'psql', 'psql postgres://alice@localhost:24017/app'],
  ['cockroachdb', 'cockroach', "cockroach sql --url 'postgres://alice@localhost:24017/app?sslmode=disable'"],
  [
    'mysql',
    'mariadb',
    'mariadb --user=alice --database=app --port=24017 --host=localhost --protocol=TCP',
    "mariadb --user=alice --database=app --port=24017 --host=localhost --protocol=TCP --ssl-ca=/h/ca.pem '--ssl-cert=/h/a b/cert.pem' --ssl-key=/h/key.pem --ssl-verify-server-cert",
  ],
  [
    'mysql',
    'mysql',
    'mysql --user=alice --database=app --port=24017 --host=localhost --protocol=TCP',
    "mysql --user=alice --database=app --port=24017 --host=localhost --protocol=TCP --ssl-ca=/h/ca.pem '--ssl-cert=/h/a b/cert.pem' --ssl-key=/h/key.pem --ssl-mode=VERIFY_IDENTITY",
  ],
  [
    'mongodb',
    'mongosh',
    "mongosh 'mongodb://localhost:24017/app?serverSelectionTimeoutMS=5000'",
    "mongosh --tls --tlsCertificateKeyFile /h/pair.pem --tlsCAFile /h/ca.pem 'mongodb://localhost:24017/app?serverSelectionTimeoutMS=5000'",
  ],
  [
    'mongodb',
    'mongo',
    "mongo 'mongodb://localhost:24017/app?serverSelectionTimeoutMS=5000'",
    "mongo --ssl --sslPEMKeyFile /h/pair.pem --sslCAFile /h/ca.pem 'mongodb://localhost:24017/app?serverSelectionTimeoutMS=5000'",
  ],
  [
    'redis',
    'redis-cli',
    'redis-cli -h localhost -p 24017 -n app',
    "redis-cli -h localhost -p 24017 --tls --key /h/key.pem --cert '/h/a b/cert.pem' --cacert /h/ca.pem --sni localhost -n app",
  ],
  ['sqlserver', 'sqlcmd', 'sqlcmd -S localhost,24017 -U alice -P any -d app'],
  ['snowflake', 'snowsql', 'SNOWSQL_PWD=any snowsql -a teleport -u alice -h localhost -p 24017 -w app'],
  ['cassandra', 'cqlsh', 'cqlsh -u alice -k app localhost 24017'],
  [
    'elasticsearch',
    'curl',
    'curl http://localhost:24017/',
    "curl --http1.1 --key /h/key.pem --cert '/h/a b/cert.pem' --cacert /h/ca.pem https://localhost:24017/",
  ],
  [
    'opensearch',
    'curl',
    'curl http://localhost:24017/',
    "curl --http1.1 --key /h/key.pem --cert '/h/a b/cert.pem' --cacert /h/ca.pem https://localhost:24017/",
  ],
  ['dynamodb', 'aws', 'aws dynamodb --endpoint-url http://localhost:24017/'],
  ['oracle', 'sqlplus', 'sqlplus -L alice@//localhost:24017/app'],
  ['clickhouse', 'clickhouse-client', 'clickhouse-client --host localhost --port 24017 --user alice --database app'],
  ['clickhouse-http', 'curl', "curl 'http://localhost:24017/?database=app'"],
]

describe('the command line for', () => {
  for (const [dbProtocol, program, tunnel, passthrough] of LINES)
    it(`${dbProtocol} by ${program} is what the client reads`, () => {
      expect(line(target(dbProtocol), program)).toBe(tunnel)
      if (passthrough !== undefined) expect(line(target(dbProtocol, { tls }), program)).toBe(passthrough)
    })

  it('every protocol but Spanner has a client, and one for passthrough where that is offered', () => {
    for (const dbProtocol of Object.keys(DATABASE_PROTOCOLS)) {
      if (dbProtocol === 'spanner') continue
      const rows = LINES.filter(([name]) => name === dbProtocol)
      expect([dbProtocol, rows.length]).not.toEqual([dbProtocol, 0])
      for (const [, program] of rows) expect(databaseClient(dbProtocol)!.programs).toContain(program)
      if (offersPassthrough(dbProtocol) && dbProtocol !== 'cockroachdb')
        expect(rows.every(([, , , passthrough]) => passthrough !== undefined)).toBe(true)
    }
  })

  it('a database that the system itself vouches for names no authority', () => {
    const own = { ...tls, ca: undefined }
    expect(line(target('mongodb', { tls: own }), 'mongosh')).toContain('--tlsUseSystemCA')
    for (const [dbProtocol, program] of LINES) expect(line(target(dbProtocol, { tls: own }), program)).not.toContain('undefined')
  })

  it('names that look like options stay values', () => {
    const odd = { databaseUser: '-u', databaseName: '--help' }
    expect(databaseClient('mysql')!.args(target('mysql', odd), 'mysql').slice(0, 2)).toEqual(['--user=-u', '--database=--help'])
    expect(databaseClient('oracle')!.args(target('oracle', { databaseUser: 'a"/x@b' }), 'sqlplus')[1]).toBe('"a/x@b"@//localhost:24017/app')
  })
})

describe('the URL', () => {
  it.each<readonly [dbProtocol: string, tunnel: string | null, passthrough: string | null]>([
    [
      'mysql',
      'mysql://alice@localhost:24017/app',
      'mysql://alice@localhost:24017/app?ssl-mode=VERIFY_IDENTITY&ssl-ca=%2Fh%2Fca.pem&ssl-cert=%2Fh%2Fa%20b%2Fcert.pem&ssl-key=%2Fh%2Fkey.pem',
    ],
    [
      'mongodb',
      'mongodb://localhost:24017/app?directConnection=true',
      'mongodb://localhost:24017/app?directConnection=true&tls=true&tlsCertificateKeyFile=%2Fh%2Fpair.pem&tlsCAFile=%2Fh%2Fca.pem',
    ],
    ['redis', 'redis://localhost:24017/app', 'rediss://localhost:24017/app'],
    ['sqlserver', 'sqlserver://alice@localhost:24017?database=app&encrypt=disable', null],
    ['snowflake', null, null],
    ['cassandra', null, null],
    ['elasticsearch', 'http://localhost:24017/', 'https://localhost:24017/'],
    ['opensearch', 'http://localhost:24017/', 'https://localhost:24017/'],
    ['dynamodb', 'http://localhost:24017/', null],
    ['oracle', null, null],
    ['clickhouse', 'clickhouse://alice@localhost:24017/app', null],
    ['clickhouse-http', 'http://localhost:24017/', null],
    ['spanner', null, null],
  ])('of %s is one that its drivers read', (dbProtocol, tunnel, passthrough) => {
    expect(clientUrl(target(dbProtocol))).toBe(tunnel)
    if (offersPassthrough(dbProtocol)) expect(clientUrl(target(dbProtocol, { tls }))).toBe(passthrough)
  })

  it('encodes names so that each reaches the database as one value', () => {
    expect(clientUrl(target('postgres', { databaseUser: `o'b/@:?`, databaseName: 'a?b=c&d' }))).toBe(
      `postgres://o'b%2F%40%3A%3F@localhost:24017/a%3Fb%3Dc%26d`,
    )
    expect(jdbcUrl(target('postgres', { databaseUser: 'a&b' }))).toBe('jdbc:postgresql://localhost:24017/app?user=a%26b')
  })

  it.each<readonly [dbProtocol: string, url: string | null]>([
    ['postgres', 'jdbc:postgresql://localhost:24017/app?user=alice'],
    ['mysql', 'jdbc:mysql://localhost:24017/app?user=alice&sslMode=DISABLED'],
    ['sqlserver', 'jdbc:sqlserver://localhost:24017;databaseName={app};user={alice};encrypt=false'],
    ['snowflake', 'jdbc:snowflake://localhost:24017/?account=teleport&user=alice&warehouse=app&ssl=off'],
    ['elasticsearch', 'jdbc:es://http://localhost:24017/'],
    ['opensearch', 'jdbc:opensearch://http://localhost:24017/'],
    ['oracle', 'jdbc:oracle:thin:@//localhost:24017/app'],
    ['clickhouse-http', 'jdbc:clickhouse://localhost:24017/app?user=alice'],
    ['redis', null],
  ])('for JDBC tools on %s is one they take', (dbProtocol, url) => {
    expect(jdbcUrl(target(dbProtocol))).toBe(url)
    if (dbProtocol !== 'postgres') expect(jdbcUrl(target(dbProtocol, { tls }))).toBeNull()
  })
})

describe('variables', () => {
  it('of libpq are those that tsh sets', () => {
    // Teleport 13: fixtures tsh-output/db-env-pg.out
    expect(databaseClient('postgres')!.environment!(target('postgres', { tls }))).toEqual({
      PGHOST: 'localhost',
      PGPORT: '24017',
      PGUSER: 'alice',
      PGDATABASE: 'app',
      PGGSSENCMODE: 'disable',
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: tls.ca,
      PGSSLCERT: tls.cert,
      PGSSLKEY: tls.key,
    })
  })

  it.each([
    ['mysql', { MYSQL_HOST: '127.0.0.1', MYSQL_TCP_PORT: '24017' }],
    ['sqlserver', { SQLCMDSERVER: 'localhost,24017', SQLCMDUSER: 'alice', SQLCMDPASSWORD: 'any', SQLCMDDBNAME: 'app' }],
    ['cassandra', { CQLSH_HOST: 'localhost', CQLSH_PORT: '24017' }],
    ['elasticsearch', { ELASTICSEARCH_URL: 'http://localhost:24017/' }],
    ['opensearch', { OPENSEARCH_URL: 'http://localhost:24017/' }],
    ['dynamodb', { AWS_ENDPOINT_URL_DYNAMODB: 'http://localhost:24017/' }],
    ['oracle', { TWO_TASK: '//localhost:24017/app' }],
    ['snowflake', expect.objectContaining({ SNOWSQL_ACCOUNT: 'teleport', SNOWSQL_HOST: 'localhost', SNOWSQL_PORT: '24017' })],
  ])('of %s are those that its client reads', (dbProtocol, variables) => {
    expect(databaseClient(dbProtocol)!.environment!(target(dbProtocol))).toEqual(variables)
  })

  it('are none for clients that read none', () => {
    for (const dbProtocol of ['redis', 'mongodb', 'clickhouse', 'clickhouse-http'])
      expect(databaseClient(dbProtocol)!.environment).toBeUndefined()
  })
})

describe('a start with words of the user', () => {
  const start = (dbProtocol: string, program: string, ...rest: string[]) =>
    clientStart(databaseClient(dbProtocol)!, target(dbProtocol), program, rest)

  it('gives psql its database as an option, and no TLS settings that are about other servers', () => {
    expect(start('postgres', 'psql', '-c', 'select 1')).toEqual({
      args: ['-d', 'postgres://alice@localhost:24017/app', '-c', 'select 1'],
      env: { PGSSLMODE: 'disable', PGGSSENCMODE: 'disable', PGSSLNEGOTIATION: undefined },
    })
  })

  it('puts them last, and takes a path for curl into the address', () => {
    expect(start('redis', 'redis-cli', 'PING').args.at(-1)).toBe('PING')
    expect(start('elasticsearch', 'curl', '/_cat/indices', '-s').args).toEqual(['http://localhost:24017/_cat/indices', '-s'])
    expect(start('elasticsearch', 'curl', '-s').args).toEqual(['http://localhost:24017/', '-s'])
    expect(start('snowflake', 'snowsql').env).toEqual({ SNOWSQL_PWD: 'any' })
  })
})

it('names packages of the platform it runs on', () => {
  expect(installHint(databaseClient('mysql')!, 'linux')).toContain('mariadb-client')
  expect(installHint(databaseClient('mysql')!, 'darwin')).toContain('Homebrew')
  expect(installHint(databaseClient('mysql')!, 'win32')).toContain('winget')
})

it('knows no client for a protocol it does not know', () => {
  expect(databaseClient('constructor')).toBeUndefined()
  expect(clientUrl(target('toString'))).toBeNull()
  expect(offersPassthrough('valueOf')).toBe(false)
})
