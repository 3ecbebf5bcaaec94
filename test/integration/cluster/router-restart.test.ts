import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../../electron/cluster/config/load-config.ts'
import type { Cluster } from '../../../electron/cluster/open-cluster.ts'
import { startCluster } from '../../../electron/cluster/start-cluster.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { freePort } from '../../kit/free-port.ts'
import { agentOf, removeFolders, TOKEN, type AgentUnderTest } from './agent-under-test.ts'

let folder: string
let cluster: Cluster
let agent: AgentUnderTest

async function until(what: () => boolean | Promise<boolean>, ms: number): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 50))) if (await what()) return
  throw new Error('it did not come about in time')
}

const start = (): Promise<Cluster> => startCluster(loadConfig(join(folder, 'portico.yaml')), { log: NO_LOG })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portico-restart-'))
  const yaml = `version: v3
teleport: {nodename: root, data_dir: data}
auth_service:
  cluster_name: root.example
  proxy_listener_mode: multiplex
  tokens: ["db:${TOKEN}"]
  authentication: {second_factor: off}
proxy_service: {web_listen_addr: "127.0.0.1:${await freePort()}", public_addr: localhost}
`
  await writeFile(join(folder, 'portico.yaml'), yaml)
  cluster = await start()
  const database = {
    name: 'far',
    description: '',
    dbProtocol: 'postgres',
    uri: '127.0.0.1:1',
    labels: {},
    tls: { mode: 'verify-full', caCert: undefined, serverName: undefined },
  } as const
  agent = await agentOf({ proxy: `localhost:${cluster.address.port}`, caFile: cluster.caFile }, [database])
}, 60_000)
afterAll(async () => {
  await agent?.close()
  await cluster?.close(0)
  await removeFolders()
  await rm(folder, { recursive: true, force: true })
})

test('a router that restarts has its agents back without a hand', async () => {
  const [before] = agent.proxies()
  expect(before).toBeDefined()
  await cluster.close(0)
  await until(() => agent.proxies().length === 0, 5_000)
  await new Promise(resolve => setTimeout(resolve, 1_000))
  cluster = await start()
  await until(() => agent.proxies()[0] === before, 5_000)
  expect((await cluster.auth.databaseServers()).map(({ name, hostId }) => [name, hostId])).toEqual([['far', agent.hostId]])
}, 30_000)

test('a router that drains lets its agents go at once, so its end waits for none of them', async () => {
  const began = performance.now()
  await cluster.close(10_000)
  expect(performance.now() - began).toBeLessThan(5_000)
  cluster = await start()
  await until(() => agent.proxies().length === 1, 10_000)
}, 30_000)
