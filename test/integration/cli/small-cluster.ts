import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'

/** A cluster with alice (`secret-enough`) and one database that is down. @returns its configuration, in `folder` */
export function smallCluster(folder: string): string {
  const file = join(folder, 'portico.yaml')
  writeFileSync(join(folder, 'password'), 'secret-enough\n', { mode: 0o600 })
  const config = {
    version: 'v3',
    teleport: { nodename: 'host', data_dir: join(folder, 'cluster') },
    auth_service: { enabled: true, cluster_name: 'small', authentication: { type: 'local', second_factor: 'off' } },
    proxy_service: { enabled: true, web_listen_addr: '127.0.0.1:0', public_addr: 'localhost' },
    db_service: { enabled: true, databases: [{ name: 'db', protocol: 'postgres', uri: '127.0.0.1:1' }] },
    portico: {
      roles: [{ name: 'all', allow: { db_users: ['alice'], db_names: ['*'], db_labels: { '*': '*' } } }],
      users: [{ name: 'alice', roles: ['all'], logins: [], password_file: join(folder, 'password') }],
    },
  }
  writeFileSync(file, stringify(config))
  return file
}
