import { createConnection, type Connection, type ConnectionOptions } from 'mysql2/promise'
import { hasMariadb, systemMariadb, type SystemMariadb } from './mariadb.ts'
import { openWorldOf, run, type Ended, type Tunnel, type WorldOf } from './world.ts'

export type MysqlWorld = WorldOf<SystemMariadb>

/** alice and bob log in with certificates; alice with a password too, so that results can be compared with a direct connection. */
const ACCOUNTS = `
create database shop; create database other;
create user alice@'127.0.0.1' require subject '/CN=alice'; grant all on shop.* to alice@'127.0.0.1';
create user bob@'127.0.0.1' require subject '/CN=bob'; grant all on shop.* to bob@'127.0.0.1';
create user direct@'127.0.0.1' identified by 'direct'; grant all on shop.* to direct@'127.0.0.1';
create user locked@'127.0.0.1' identified by 'secret' require x509;
grant file on *.* to alice@'127.0.0.1';
`

export { hasMariadb }

/** MariaDB behind our cluster: the database `shop`. alice may be alice and locked, not bob. */
export const openMysqlWorld = (): Promise<MysqlWorld> =>
  openWorldOf({
    databases: port => [
      {
        name: 'shop',
        protocol: 'mysql',
        uri: `localhost:${port}`,
        static_labels: { 'portico/database': 'shop' },
        tls: { ca_cert_file: 'server-ca.pem' },
      },
    ],
    databaseUsers: ['alice', 'locked', 'nosuch'],
    async start(port, clientCas) {
      const mariadb = await systemMariadb(port, clientCas)
      await mariadb.start()
      mariadb.sql(ACCOUNTS)
      return mariadb
    },
  })

export const portOf = (tunnel: Tunnel): number => tunnel.open.address.port

/** mysql2 as people use it, through a tunnel. */
export const connect = (tunnel: Tunnel, more: ConnectionOptions = {}): Promise<Connection> =>
  createConnection({ host: '127.0.0.1', port: portOf(tunnel), user: 'alice', database: 'shop', connectTimeout: 20_000, ...more })

/** mysql2 past the cluster. */
export const connectDirectly = ({ backend }: MysqlWorld): Promise<Connection> =>
  createConnection({ host: '127.0.0.1', port: backend.port, user: 'direct', password: 'direct', database: 'shop' })

/** The command line client of MariaDB. */
export const mariadb = (tunnel: Tunnel, text: string, ...flags: readonly string[]): Promise<Ended> =>
  run('/usr/bin/mariadb', [
    '--no-defaults',
    '--protocol=TCP',
    '--host=127.0.0.1',
    `--port=${portOf(tunnel)}`,
    '--user=alice',
    '-N',
    '-B',
    ...flags,
    ...(flags.some(flag => flag.startsWith('--database')) ? [] : ['--database=shop']),
    '-e',
    text,
  ])
