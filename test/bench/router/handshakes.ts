import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Balancer } from '../../kit/balancer.ts'
import { cpuSeconds, end, start, told } from '../children.ts'
import { inTurns, median, medianRatio, type Report } from '../figures.ts'
import { startTerminating } from './balancers.ts'
import type { HandshakesWanted } from './handshake-clients.ts'
import type { RouterForBench } from './router-host.ts'

const ROUNDS = 4
const COUNT = 800

/** Handshakes per CPU second of the server process alone, so that what the clients use does not count. */
export async function measureHandshakes(report: Report): Promise<void> {
  const children: ChildProcess[] = []
  let haproxy: Balancer | undefined
  try {
    const host = start('router-host', ['0'], true)
    children.push(host)
    const router = await told<RouterForBench>(host)
    haproxy = await startTerminating(router)
    const clients = start('handshake-clients')
    children.push(clients)
    await told(clients)
    const sides = [haproxy, { port: router.port, pid: host.pid! }]
    for (const [kind, resumed, goal] of [
      ['full', false, 0.5],
      ['resumed', true, 0.7],
    ] as const) {
      const [theirs, ours] = await inTurns(sides, ROUNDS, async ({ port, pid }) => {
        const before = cpuSeconds(pid)
        clients.send({ port, count: COUNT, resumed } satisfies HandshakesWanted)
        await told(clients)
        // The last ones are still being closed.
        await sleep(50)
        return [COUNT / (cpuSeconds(pid) - before)]
      })
      report(`${kind} handshakes, haproxy`, median(theirs!), 'per CPU s')
      report(`${kind} handshakes, router`, median(ours!), 'per CPU s')
      report(`${kind} handshakes, router ÷ haproxy`, medianRatio(ours!, theirs!), '×', goal, 'at least')
    }
  } finally {
    await haproxy?.close()
    await Promise.all(children.map(end))
  }
}
