import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { formatAddress, type Address } from '../../../shared/address.ts'
import type { Log } from '../../log/log.ts'
import { loadConfig } from '../config/load-config.ts'
import type { DatabaseResource } from '../database/database-resource.ts'
import { startAgent, type JoinedAgent } from '../joined/start-agent.ts'
import type { Cluster } from '../open-cluster.ts'
import { startCluster } from '../start-cluster.ts'
import { announcedLabels, type LabDatabase } from './lab-databases.ts'

/** What `portico lab --full` has besides: a second agent that came through the tunnel, and a leaf cluster with one database. */
export const LEAF_CLUSTER = 'branch'
const LEAF_DATABASE = 'tickets'

/** Secrets with which they join, kept like the users' passwords. */
export interface LabTokens {
  readonly agentFile: string
  readonly leafFile: string
}

export async function labTokens(home: string): Promise<LabTokens> {
  const files = { agentFile: join(home, 'agent.token'), leafFile: join(home, 'leaf.token') }
  for (const file of Object.values(files)) {
    const kept = await readFile(file, 'utf8').catch(() => '')
    if (kept.trim() === '') await writeFile(file, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  }
  return files
}

interface LeafOptions {
  readonly home: string
  /** Of the lab itself, whose leaf it becomes. */
  readonly root: Address
  readonly rootCaFile: string
  readonly tokens: LabTokens
  readonly postgresPort: number
  /** PEM: the authority that has signed the database server's certificate. */
  readonly serverCas: readonly string[]
  readonly log: Log
  readonly signal: AbortSignal | undefined
}

/** The leaf, on any free port. It asks the root to be taken in until that answers, so it may start first. */
export async function startLeaf(options: LeafOptions): Promise<Cluster> {
  const { home, root, rootCaFile, tokens, postgresPort, serverCas, log, signal } = options
  const [file, caFile] = [join(home, 'leaf.yaml'), join(home, 'leaf-database-ca.pem')]
  await writeFile(caFile, serverCas.join(''), { mode: 0o600 })
  const yaml = {
    version: 'v3',
    teleport: { nodename: 'branch', data_dir: join(home, 'leaf') },
    auth_service: {
      enabled: true,
      cluster_name: LEAF_CLUSTER,
      proxy_listener_mode: 'multiplex',
      authentication: { type: 'local', second_factor: 'off' },
    },
    proxy_service: { enabled: true, web_listen_addr: '127.0.0.1:0', public_addr: 'localhost' },
    db_service: {
      enabled: true,
      databases: [
        {
          name: LEAF_DATABASE,
          description: 'Tickets of the branch office',
          protocol: 'postgres',
          uri: `127.0.0.1:${postgresPort}`,
          static_labels: { env: 'dev', team: 'branch', 'portico/database': 'shop' },
          tls: { ca_cert_file: caFile },
        },
      ],
    },
    portico: {
      ca_file: rootCaFile,
      roles: [{ name: 'visitor', allow: { db_users: ['alice', 'reader'], db_names: ['*'], db_labels: { '*': '*' } } }],
      trusted_clusters: [
        {
          token: tokens.leafFile,
          web_proxy_addr: formatAddress({ ...root, host: 'localhost' }),
          role_map: [{ remote: 'owner', local: ['visitor'] }],
        },
      ],
    },
  }
  await writeFile(file, `# Written by \`portico lab --full\` at each start.\n${stringify(yaml, { lineWidth: 0 })}`, { mode: 0o600 })
  return startCluster(loadConfig(file), { log, ...(signal === undefined ? {} : { signal }) })
}

interface SecondAgentOptions {
  readonly home: string
  readonly proxy: Address
  readonly caFile: string
  readonly tokens: LabTokens
  readonly databases: readonly LabDatabase[]
  readonly log: Log
  readonly signal: AbortSignal | undefined
}

/** Serves the lab's databases a second time, over a tunnel. */
export async function startSecondAgent({ home, proxy, caFile, tokens, databases, log, signal }: SecondAgentOptions): Promise<JoinedAgent> {
  return startAgent({
    dataDir: join(home, 'agent'),
    nodename: 'lab-agent',
    proxy: { ...proxy, host: 'localhost' },
    token: async () => (await readFile(tokens.agentFile, 'utf8')).trim(),
    caPins: [],
    extraRoots: [await readFile(caFile, 'utf8')],
    databases: databases.map((database): DatabaseResource => ({
      name: database.name,
      description: database.description,
      dbProtocol: database.protocol,
      uri: database.uri,
      labels: announcedLabels(database),
      tls: { mode: 'verify-full', caCert: undefined, serverName: undefined },
    })),
    log,
    signal,
  })
}
