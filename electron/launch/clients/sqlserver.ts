import { encode, hostPort, option, query, type ClientTarget, type DatabaseClient } from '../client-target.ts'

/** Clients insist on a password; the database agent looks at the user name only. wire/database.md 6.3 */
const ANY_PASSWORD = 'any'

/** As go-mssqldb reads it: a path would be the name of an instance. */
export function sqlServerUrl(target: ClientTarget): string {
  const { databaseUser, databaseName } = target
  const user = databaseUser === '' ? '' : `${encode(databaseUser)}@`
  return `sqlserver://${user}${hostPort(target)}${query({ database: databaseName, encrypt: 'disable' })}`
}

/** {…} is SQL Server's quoting of a property; a closing brace is doubled. */
const property = (value: string): string => `{${value.replaceAll('}', '}}')}}`

export function sqlServerJdbc(target: ClientTarget): string {
  const { databaseUser, databaseName } = target
  return `jdbc:sqlserver://${hostPort(target)};databaseName=${property(databaseName)};user=${property(databaseUser)};encrypt=false`
}

const server = ({ address }: ClientTarget): string => `${address.host},${address.port}`

export const SQLCMD: DatabaseClient = {
  programs: ['sqlcmd', 'mssql-cli'],
  install: {
    linux: 'sqlcmd or mssql-tools18 (packages.microsoft.com)',
    darwin: 'sqlcmd (Homebrew)',
    win32: 'Microsoft.Sqlcmd (winget)',
  },
  args: target => ['-S', server(target), ...option('-U', target.databaseUser), '-P', ANY_PASSWORD, ...option('-d', target.databaseName)],
  environment: target => ({
    SQLCMDSERVER: server(target),
    ...(target.databaseUser === '' ? {} : { SQLCMDUSER: target.databaseUser }),
    SQLCMDPASSWORD: ANY_PASSWORD,
    ...(target.databaseName === '' ? {} : { SQLCMDDBNAME: target.databaseName }),
  }),
}
