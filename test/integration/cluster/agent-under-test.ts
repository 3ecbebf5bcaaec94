import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseResource } from '../../../electron/cluster/database/database-resource.ts'
import { startAgent, type JoinedAgent, type StartAgentOptions } from '../../../electron/cluster/joined/start-agent.ts'
import type { Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { NO_LOG } from '../../../electron/log/log.ts'

export const TOKEN = 'a-token-for-agents'

export const sharedDatabase = (lab: Lab, name: string, labels: Readonly<Record<string, string>> = {}): DatabaseResource => ({
  name,
  description: 'behind an agent',
  dbProtocol: 'postgres',
  uri: `127.0.0.1:${lab.postgres.port}`,
  labels: { env: 'dev', ...labels },
  tls: { mode: 'verify-full', caCert: undefined, serverName: undefined },
})

export interface AgentUnderTest extends JoinedAgent {
  readonly dataDir: string
}

/** An agent in this process that joined by token; its folder is removed by `removeFolders`. */
export async function agentOf(
  lab: Pick<Lab, 'proxy' | 'caFile'>,
  databases: readonly DatabaseResource[],
  more: Partial<StartAgentOptions> = {},
): Promise<AgentUnderTest> {
  const dataDir = more.dataDir ?? (await mkdtemp(join(tmpdir(), 'portico-agent-')))
  folders.add(dataDir)
  const agent = await startAgent({
    nodename: 'agent-host',
    proxy: { host: 'localhost', port: Number(lab.proxy.split(':')[1]) },
    token: async () => TOKEN,
    caPins: [],
    extraRoots: [readFileSync(lab.caFile, 'utf8')],
    databases,
    log: NO_LOG,
    ...more,
    dataDir,
  })
  return { ...agent, dataDir }
}

const folders = new Set<string>()

export const removeFolders = (): Promise<unknown> => Promise.all([...folders].map(folder => rm(folder, { recursive: true, force: true })))
