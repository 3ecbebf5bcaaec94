import { encode, hostPort, option, query, type ClientTarget, type DatabaseClient } from '../client-target.ts'

export function clickHouseUrl(target: ClientTarget): string {
  const { databaseUser, databaseName } = target
  const user = databaseUser === '' ? '' : `${encode(databaseUser)}@`
  return `clickhouse://${user}${hostPort(target)}/${encode(databaseName)}`
}

/** The JDBC driver speaks HTTP only. */
export function clickHouseJdbc(target: ClientTarget): string {
  return `jdbc:clickhouse://${hostPort(target)}/${encode(target.databaseName)}${query({ user: target.databaseUser })}`
}

export const CLICKHOUSE: DatabaseClient = {
  programs: ['clickhouse-client'],
  install: {
    linux: 'clickhouse-client (packages.clickhouse.com)',
    darwin: 'clickhouse (Homebrew)',
    win32: 'clickhouse-client in WSL (packages.clickhouse.com)',
  },
  args: ({ address, databaseUser, databaseName }) => [
    '--host',
    address.host,
    '--port',
    String(address.port),
    ...option('--user', databaseUser),
    ...option('--database', databaseName),
  ],
}
