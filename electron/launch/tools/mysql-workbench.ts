import type { Tool } from '../tool.ts'

/** dev.mysql.com, Workbench command line: `--query user@host:port` opens a tab on a connection made for it. */
export const MYSQL_WORKBENCH: Tool = {
  id: 'mysql-workbench',
  title: 'MySQL Workbench',
  protocols: ['mysql'],
  places: {
    linux: ['mysql-workbench', 'mysql-workbench-community'],
    darwin: ['MySQLWorkbench'],
    win32: ['MySQL\\MySQL Workbench *\\MySQLWorkbench.exe'],
  },
  start: ({ host, port, databaseUser }) => ({ how: 'arguments', args: ['--query', `${databaseUser}@${host}:${port}`] }),
}
