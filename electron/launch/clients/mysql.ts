import { encode, hostPort, query, type ClientTarget, type ClientTls, type DatabaseClient } from '../client-target.ts'

/** Every MariaDB since 10.4 brings `mariadb`; where only `mysql` is, it is Oracle's, which takes other TLS options. */
export const isMariaDb = (program: string): boolean => program === 'mariadb'

function tlsArgs({ ca, cert, key }: ClientTls, program: string): readonly string[] {
  const files = [...(ca === undefined ? [] : [`--ssl-ca=${ca}`]), `--ssl-cert=${cert}`, `--ssl-key=${key}`]
  return [...files, isMariaDb(program) ? '--ssl-verify-server-cert' : '--ssl-mode=VERIFY_IDENTITY']
}

/** As MySQL Shell reads it. */
export function mysqlUrl(target: ClientTarget): string {
  const { databaseUser, databaseName, tls } = target
  const user = databaseUser === '' ? '' : `${encode(databaseUser)}@`
  const files =
    tls === undefined ? '' : query({ 'ssl-mode': 'VERIFY_IDENTITY', 'ssl-ca': tls.ca, 'ssl-cert': tls.cert, 'ssl-key': tls.key })
  return `mysql://${user}${hostPort(target)}/${encode(databaseName)}${files}`
}

export const MYSQL: DatabaseClient = {
  programs: ['mariadb', 'mysql'],
  install: {
    linux: 'mariadb-client or default-mysql-client (Debian, Ubuntu), mariadb or mysql (Fedora)',
    darwin: 'mariadb or mysql-client (Homebrew)',
    win32: 'MariaDB.Server or Oracle.MySQL (winget)',
  },
  // Not `localhost` alone: that means a Unix socket to these clients. Teleport: lib/client/db/dbcmd
  args: ({ address, databaseUser, databaseName, tls }, program) => [
    ...(databaseUser === '' ? [] : [`--user=${databaseUser}`]),
    ...(databaseName === '' ? [] : [`--database=${databaseName}`]),
    `--port=${address.port}`,
    `--host=${address.host}`,
    '--protocol=TCP',
    ...(tls === undefined ? [] : tlsArgs(tls, program)),
  ],
  // A numeric host: `localhost` would be the Unix socket again. There is no variable for user and files.
  environment: ({ address }) => ({
    MYSQL_HOST: address.host === 'localhost' ? '127.0.0.1' : address.host,
    MYSQL_TCP_PORT: String(address.port),
  }),
}
