import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { end, residentBytes, start, told } from '../children.ts'
import { MB, type Report } from '../figures.ts'
import type { ClusterForBench } from './cluster-host.ts'

const AGENTS = 200

/** What agents cost a router that do nothing but be there: tunnel, their records, and their connection to the auth service inside. */
export async function measureIdleAgents(report: Report): Promise<void> {
  const children: ChildProcess[] = []
  try {
    const host = start('cluster-host', [], true)
    children.push(host)
    const cluster = await told<ClusterForBench>(host)
    const join = async (count: number): Promise<ChildProcess> => {
      const agents = start('agents-host', [String(count)])
      children.unshift(agents)
      agents.send(cluster)
      await told(agents)
      return agents
    }
    // Warm: code is compiled before anything is counted.
    await end(await join(10))
    await sleep(500)
    const before = residentBytes(host.pid!)
    const started = performance.now()
    await join(AGENTS)
    report(`time until ${AGENTS} agents have joined`, (performance.now() - started) / 1_000, 's')
    await sleep(3_000)
    report(`memory for ${AGENTS} idle agents`, (residentBytes(host.pid!) - before) / MB, 'MB RSS', 200, 'at most')
  } finally {
    for (const child of children) await end(child)
  }
}
