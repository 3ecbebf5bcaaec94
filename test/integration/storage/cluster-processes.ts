import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyPair } from '../../../electron/cluster/auth/auth.ts'
import type { Portico, Staying } from '../cli/portico.ts'
import { AGENT_ADDRESSES } from './live-sessions.ts'

export const PASSWORD = 'correct horse'
const TOKEN = 'a-token-for-agents'

export interface MachineConfig {
  readonly name: string
  /** Port of the proxy that clients and agents know: a balancer's, or the router's own. */
  readonly publicPort: number
}

export interface RouterConfig extends MachineConfig {
  readonly listen: number
  readonly keyPair: KeyPair
  readonly webRoot: string
  /** Connection string of a PostgreSQL that holds the state; files without. */
  readonly storage?: string
}

function writeConfig(portico: Portico, name: string, config: object): string {
  // JSON is YAML.
  const file = join(portico.home, name, 'portico.yaml')
  writeFileSync(file, JSON.stringify(config, undefined, 2))
  return file
}

/** A router and auth service without databases; alice may use them all. @returns the path of its configuration */
export function writeRouter(portico: Portico, { name, listen, publicPort, keyPair, webRoot, storage }: RouterConfig): string {
  const folder = join(portico.home, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'web.key'), keyPair.key)
  // With its issuer: a chain that leads nowhere is refused.
  writeFileSync(join(folder, 'web.crt'), keyPair.cert + webRoot)
  writeFileSync(join(folder, 'alice.password'), PASSWORD)
  const everything = { db_users: ['*'], db_names: ['*'], db_labels: { '*': '*' } }
  return writeConfig(portico, name, {
    version: 'v3',
    teleport: {
      nodename: name,
      data_dir: 'data',
      ...(storage === undefined ? {} : { storage: { type: 'postgresql', conn_string: storage, key_file: '../storage.key' } }),
    },
    auth_service: {
      enabled: true,
      cluster_name: 'shared',
      proxy_listener_mode: 'multiplex',
      tokens: [`db:${TOKEN}`],
      authentication: { type: 'local', second_factor: 'off' },
    },
    proxy_service: {
      enabled: true,
      web_listen_addr: `127.0.0.1:${listen}`,
      public_addr: `localhost:${publicPort}`,
      https_keypairs: [{ key_file: 'web.key', cert_file: 'web.crt' }],
    },
    portico: {
      roles: [{ name: 'all', allow: everything }],
      users: [{ name: 'alice', roles: ['all'], password_file: 'alice.password' }],
    },
  })
}

export interface AgentConfig extends MachineConfig {
  readonly webRoot: string
  /** Which of the database's addresses it dials. */
  readonly at: number
  readonly databasePort: number
}

/** The database `orders`, which others serve too, and one that only this agent has. */
export function writeAgent(portico: Portico, { name, publicPort, webRoot, at, databasePort }: AgentConfig): string {
  mkdirSync(join(portico.home, name))
  writeFileSync(join(portico.home, name, 'ca.pem'), webRoot)
  const uri = `${AGENT_ADDRESSES[at] ?? '127.0.0.1'}:${databasePort}`
  const database = (named: string): object => ({ name: named, protocol: 'postgres', uri, tls: { mode: 'insecure' } })
  return writeConfig(portico, name, {
    version: 'v3',
    teleport: { nodename: name, data_dir: 'data', proxy_server: `localhost:${publicPort}`, auth_token: TOKEN },
    auth_service: { enabled: false },
    proxy_service: { enabled: false },
    db_service: { enabled: true, databases: [database('orders'), database(`only-${name}`)] },
    portico: { ca_file: 'ca.pem' },
  })
}

/** A process of its own, as an operator starts it; resolves when it is ready. */
export async function startProcess(portico: Portico, config: string): Promise<Staying> {
  const started = portico.stay(['cluster', 'start', '-c', config, '--json'])
  await started.line(line => line.event === 'ready')
  return started
}
