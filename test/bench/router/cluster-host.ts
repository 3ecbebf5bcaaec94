import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../../electron/cluster/config/load-config.ts'
import { startCluster } from '../../../electron/cluster/start-cluster.ts'
import { NO_LOG } from '../../../electron/log/log.ts'

export interface ClusterForBench {
  readonly port: number
  /** PEM that agents trust its web certificate by. */
  readonly root: string
  readonly token: string
}

/** Child process: a whole cluster in a temporary folder. Ends and leaves nothing when its parent disconnects. */
const folder = mkdtempSync(join(tmpdir(), 'portico-bench-cluster-'))
const token = 'a-token-for-the-bench'
const file = join(folder, 'portico.yaml')
writeFileSync(
  file,
  `version: v3
teleport: {data_dir: data}
auth_service:
  cluster_name: root.test
  authentication: {second_factor: off}
  tokens: ["db:${token}"]
proxy_service: {web_listen_addr: "127.0.0.1:0", public_addr: localhost}
`,
)
const cluster = await startCluster(loadConfig(file), { log: NO_LOG })
const told: ClusterForBench = { port: cluster.address.port, root: readFileSync(cluster.caFile, 'utf8'), token }
process.send!(told)
process.once('disconnect', async () => {
  await cluster.close(0)
  rmSync(folder, { recursive: true, force: true })
  process.exit(0)
})
