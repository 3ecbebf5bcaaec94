import type { Tool } from '../tool.ts'

/** pgadmin.org, Import/Export Servers: its `setup.py load-servers` adds what a JSON file describes to the desktop user's list. */
export const PGADMIN: Tool = {
  id: 'pgadmin',
  title: 'pgAdmin 4',
  protocols: ['postgres', 'cockroachdb'],
  places: { linux: ['/usr/pgadmin4/bin/pgadmin4'], darwin: ['pgAdmin 4'], win32: ['pgAdmin 4\\runtime\\pgAdmin4.exe'] },
  start({ name, host, port, databaseUser, databaseName }) {
    const server = {
      Name: name,
      Group: 'Portico',
      Host: host,
      Port: port,
      Username: databaseUser,
      MaintenanceDB: databaseName,
      ConnectionParameters: { sslmode: 'disable', connect_timeout: 10 },
    }
    return {
      how: 'import',
      importer: {
        linux: ['../venv/bin/python3', '../web/setup.py'],
        darwin: ['Contents/Frameworks/Python.framework/Versions/Current/bin/python3', 'Contents/Resources/web/setup.py'],
        win32: ['..\\python\\python.exe', '..\\web\\setup.py'],
      },
      args: ['load-servers', '{folder}/servers.json'],
      files: [{ path: 'servers.json', content: `${JSON.stringify({ Servers: { 1: server } }, null, 2)}\n` }],
    }
  },
}
