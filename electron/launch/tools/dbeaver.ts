import { PorticoError } from '../../../shared/errors.ts'
import type { Tool } from '../tool.ts'

const DRIVERS: Readonly<Record<string, string>> = { postgres: 'postgres-jdbc', cockroachdb: 'postgres-jdbc', mysql: 'mysql8' }

/** github.com/dbeaver/dbeaver/wiki/Command-Line: `-con` takes key=value pairs between bars, and knows no escape for a bar. */
export const DBEAVER: Tool = {
  id: 'dbeaver',
  title: 'DBeaver',
  protocols: Object.keys(DRIVERS),
  places: {
    linux: ['dbeaver', 'dbeaver-ce', 'dbeaver-ee', 'dbeaver-ue', 'io.dbeaver.DBeaverCommunity'],
    darwin: ['DBeaver', 'DBeaverEE', 'DBeaverUltimate', 'DBeaverLite'],
    win32: ['DBeaver\\dbeaver.exe', 'DBeaverEE\\dbeaver.exe', 'DBeaverUltimate\\dbeaver.exe'],
  },
  start({ name, dbProtocol, host, port, databaseUser, databaseName }) {
    const parts = {
      driver: DRIVERS[dbProtocol] ?? dbProtocol,
      name,
      host,
      port: String(port),
      database: databaseName,
      user: databaseUser,
      // None is needed; saved, so that DBeaver does not ask for it.
      password: '',
      savePassword: 'true',
      connect: 'true',
      create: 'true',
      save: 'false',
    }
    const bad = Object.entries(parts).find(([, value]) => value.includes('|'))
    if (bad !== undefined)
      throw new PorticoError('usage/invalid', {
        what: bad[0],
        why: `DBeaver cannot be told a ${bad[0]} with a bar in it`,
        next: 'copy the JDBC address into DBeaver instead',
      })
    const spec = Object.entries(parts).map(([key, value]) => `${key}=${value}`)
    return { how: 'arguments', args: ['-con', spec.join('|')] }
  },
}
