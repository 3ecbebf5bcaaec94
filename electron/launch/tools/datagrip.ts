import { createHash } from 'node:crypto'
import { jdbcUrl } from '../database-client.ts'
import type { Tool, ToolTarget } from '../tool.ts'

const DRIVERS: Readonly<Record<string, readonly [ref: string, driver: string, dbms: string]>> = {
  postgres: ['postgresql', 'org.postgresql.Driver', 'POSTGRES'],
  cockroachdb: ['cockroach', 'org.postgresql.Driver', 'COCKROACH'],
  mysql: ['mysql.8', 'com.mysql.cj.jdbc.Driver', 'MYSQL'],
}

const xml = (text: string): string => text.replace(/[<>&"']/g, mark => `&#${mark.charCodeAt(0)};`)

/** The same data source each time, so that DataGrip keeps what it learnt about it. */
function uuidOf({ name, port }: ToolTarget): string {
  const hex = createHash('sha256').update(`${name}\0${port}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** JetBrains IDEs read data sources of a project from `.idea`; DataGrip opens any folder as a project. */
export const DATAGRIP: Tool = {
  id: 'datagrip',
  title: 'DataGrip',
  protocols: Object.keys(DRIVERS),
  places: {
    linux: ['datagrip', 'datagrip.sh', 'com.jetbrains.DataGrip'],
    darwin: ['DataGrip'],
    win32: ['DataGrip\\bin\\datagrip64.exe', 'JetBrains\\DataGrip *\\bin\\datagrip64.exe'],
  },
  start(target) {
    const [ref, driver, dbms] = DRIVERS[target.dbProtocol] ?? ['', '', '']
    const { name, dbProtocol, host, port, databaseUser, databaseName } = target
    const url = jdbcUrl({ dbProtocol, address: { host, port }, databaseUser, databaseName }) ?? ''
    const uuid = uuidOf(target)
    const document = (component: string, body: string): string =>
      `<?xml version="1.0" encoding="UTF-8"?>\n<project version="4">\n  <component name="${component}">\n${body}\n  </component>\n</project>\n`
    return {
      how: 'arguments',
      args: ['{folder}'],
      files: [
        {
          path: '.idea/dataSources.xml',
          content: document(
            'DataSourceManagerImpl" format="xml" multifile-model="true',
            `    <data-source source="LOCAL" name="${xml(name)}" uuid="${uuid}">
      <driver-ref>${ref}</driver-ref>
      <synchronize>true</synchronize>
      <jdbc-driver>${driver}</jdbc-driver>
      <jdbc-url>${xml(url)}</jdbc-url>
      <working-dir>$ProjectFileDir$</working-dir>
    </data-source>`,
          ),
        },
        {
          path: '.idea/dataSources.local.xml',
          content: document(
            'dataSourceStorageLocal',
            `    <data-source name="${xml(name)}" uuid="${uuid}">
      <database-info product="" version="" jdbc-version="" driver-name="" driver-version="" dbms="${dbms}" />
      <auth-provider>no-auth</auth-provider>
      <user-name>${xml(databaseUser)}</user-name>
    </data-source>`,
          ),
        },
      ],
    }
  },
}
