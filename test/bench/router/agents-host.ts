import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAgent, type JoinedAgent } from '../../../electron/cluster/joined/start-agent.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import type { ClusterForBench } from './cluster-host.ts'

/** Child process: agents that join a cluster, announce a database each, and wait. argv: how many. Says when all are there. */
const count = Number(process.argv[2])
const AT_ONCE = 8
const folder = mkdtempSync(join(tmpdir(), 'portico-bench-agents-'))
const agents: JoinedAgent[] = []

process.once('message', async ({ port, root, token }: ClusterForBench) => {
  let begun = 0
  const work = async (): Promise<void> => {
    while (begun < count) {
      const name = `agent-${begun++}`
      const agent = await startAgent({
        dataDir: join(folder, name),
        nodename: name,
        proxy: { host: 'localhost', port },
        token: async () => token,
        caPins: [],
        extraRoots: [root],
        databases: [
          {
            name: `database-of-${name}`,
            description: '',
            dbProtocol: 'postgres',
            uri: '127.0.0.1:1',
            labels: { env: 'bench' },
            tls: { mode: 'verify-full', caCert: undefined, serverName: undefined },
          },
        ],
        log: NO_LOG,
      })
      agents.push(agent)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  process.send!('joined')
})
process.once('disconnect', async () => {
  await Promise.all(agents.map(agent => agent.close()))
  rmSync(folder, { recursive: true, force: true })
  process.exit(0)
})
