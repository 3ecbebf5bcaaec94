import { hostPort, option, query, type ClientTarget, type DatabaseClient } from '../client-target.ts'

/** The agent puts the real account in and signs for it: any account and password do. wire/database.md 6.4 */
const ACCOUNT = 'teleport'
const ANY_PASSWORD = 'any'

export function snowflakeJdbc(target: ClientTarget): string {
  const { databaseUser, databaseName } = target
  return `jdbc:snowflake://${hostPort(target)}/${query({ account: ACCOUNT, user: databaseUser, warehouse: databaseName, ssl: 'off' })}`
}

export const SNOWSQL: DatabaseClient = {
  programs: ['snowsql'],
  install: { linux: 'snowsql (docs.snowflake.com)', darwin: 'snowflake-snowsql (Homebrew)', win32: 'Snowflake.SnowSQL (winget)' },
  // The database goes where tsh puts it: `-w`.
  args: ({ address, databaseUser, databaseName }) => [
    '-a',
    ACCOUNT,
    ...option('-u', databaseUser),
    '-h',
    address.host,
    '-p',
    String(address.port),
    ...option('-w', databaseName),
  ],
  variables: () => ({ SNOWSQL_PWD: ANY_PASSWORD }),
  environment: ({ address, databaseUser, databaseName }) => ({
    SNOWSQL_ACCOUNT: ACCOUNT,
    ...(databaseUser === '' ? {} : { SNOWSQL_USER: databaseUser }),
    SNOWSQL_PWD: ANY_PASSWORD,
    SNOWSQL_HOST: address.host,
    SNOWSQL_PORT: String(address.port),
    ...(databaseName === '' ? {} : { SNOWSQL_WAREHOUSE: databaseName }),
  }),
}
