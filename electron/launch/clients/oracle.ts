import { hostPort, type ClientTarget, type DatabaseClient } from '../client-target.ts'

export function oracleJdbc(target: ClientTarget): string {
  return `jdbc:oracle:thin:@//${hostPort(target)}/${target.databaseName}`
}

/** In quotes a `/` or `@` does not end the name. Oracle itself allows no quotation mark in a name, nor can one be written here. */
const user = ({ databaseUser }: ClientTarget): string =>
  /^\w*$/.test(databaseUser) ? databaseUser : `"${databaseUser.replaceAll('"', '')}"`

export const SQLPLUS: DatabaseClient = {
  programs: ['sqlplus', 'sql'],
  install: {
    linux: 'Oracle Instant Client with SQL*Plus (oracle.com)',
    darwin: 'Oracle Instant Client with SQL*Plus (oracle.com), or sqlcl (Homebrew)',
    win32: 'Oracle Instant Client with SQL*Plus (oracle.com)',
  },
  args: target => ['-L', `${user(target)}@//${hostPort(target)}/${target.databaseName}`],
  environment: target => ({ TWO_TASK: `//${hostPort(target)}/${target.databaseName}` }),
}
