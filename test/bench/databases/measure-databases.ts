import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { DATABASE_PROTOCOLS } from '../../../shared/protocols.ts'
import type { Credentials } from '../../../electron/engine/engine.ts'
import type { Balancer } from '../../kit/balancer.ts'
import { cpuSeconds, end, residentBytes, start, told } from '../children.ts'
import { inTurns, MB, median, medianRatio, type Report } from '../figures.ts'
import { startTunnelByHaproxy } from '../haproxy.ts'
import { openIdle, roundTrips, throughput } from '../traffic.ts'
import { OPENINGS, type Opening } from './opening.ts'

const TRIPS = 1_500
const BYTES = 192 * MB
const IDLE = 1_000
const REDIS_IDLE = 5_000
const KB = 1024
/** Until garbage of the openings is gone. */
const REST_MS = 1_500

interface Side {
  readonly name: 'haproxy' | 'tunnel'
  readonly port: number
  readonly pid: number
}

/** What each protocol's authenticated tunnel costs against haproxy doing the same hop to the same TLS server. */
export async function measureDatabases(report: Report): Promise<void> {
  for (const [protocol, opening] of Object.entries(OPENINGS)) {
    const children: ChildProcess[] = []
    let other: Balancer | undefined
    try {
      const { alpn } = DATABASE_PROTOCOLS[protocol]!
      const far = start('tls-server', [protocol, alpn])
      children.push(far)
      const server = await told<{ port: number; webRoot: string; database: Credentials }>(far)
      const host = start('tunnel-host', [], true)
      children.push(host)
      host.send({ ...server, dbProtocol: protocol })
      const { port } = await told<{ port: number }>(host)
      other = await startTunnelByHaproxy({ ...server, alpn })
      const sides = [
        { name: 'haproxy', port: other.port, pid: other.pid },
        { name: 'tunnel', port, pid: host.pid! },
      ] as const
      await measureTrips(protocol, opening, sides, report)
      for (const [direction, word] of [
        ['send', 'down'],
        ['take', 'up'],
      ] as const)
        await measureStream(`${protocol} ${word}`, opening, direction, sides, report)
      await measureIdle(protocol, opening, sides[1], report)
    } finally {
      await other?.close()
      await Promise.all(children.map(end))
    }
  }
}

async function measureTrips(protocol: string, opening: Opening, sides: readonly Side[], report: Report): Promise<void> {
  const [theirs, ours] = (await inTurns(sides, 8, async side => [median(await roundTrips(side.port, TRIPS, undefined, opening))])) as [
    number[],
    number[],
  ]
  report(`${protocol} round trip p50, haproxy`, median(theirs), 'µs')
  report(`${protocol} round trip p50, tunnel`, median(ours), 'µs')
  report(`${protocol} round trip p50, tunnel ÷ haproxy`, medianRatio(ours, theirs), '×', 1.2, 'at most')
}

async function measureStream(
  label: string,
  opening: Opening,
  direction: 'send' | 'take',
  sides: readonly Side[],
  report: Report,
): Promise<void> {
  const [theirs, ours] = await inTurns(sides, 5, async side => {
    const before = cpuSeconds(side.pid)
    const rate = (await throughput(side.port, direction, 1, BYTES, undefined, opening)) / MB
    return [{ rate, cpu: (cpuSeconds(side.pid) - before) / (BYTES / 1e9) }]
  })
  const [theirRates, ourRates] = [theirs!, ours!].map(rounds => rounds.map(({ rate }) => rate)) as [number[], number[]]
  const [theirCpu, ourCpu] = [theirs!, ours!].map(rounds => rounds.map(({ cpu }) => cpu)) as [number[], number[]]
  report(`${label}, haproxy`, median(theirRates), 'MB/s')
  report(`${label}, tunnel`, median(ourRates), 'MB/s')
  report(`${label}, tunnel ÷ haproxy`, medianRatio(ourRates, theirRates), '×', 0.95, 'at least')
  report(`${label}, CPU per GB, haproxy`, median(theirCpu), 's')
  report(`${label}, CPU per GB, tunnel`, median(ourCpu), 's')
  report(`${label}, CPU per GB, tunnel ÷ haproxy`, medianRatio(ourCpu, theirCpu), '×', 1.1, 'at most')
}

/** The process was warm long before: what grows now is the connections'. */
async function measureIdle(protocol: string, opening: Opening, { port, pid }: Side, report: Report): Promise<void> {
  const count = protocol === 'redis' ? REDIS_IDLE : IDLE
  const warm = await openIdle(port, 200, opening)
  await warm()
  await sleep(REST_MS)
  const before = residentBytes(pid)
  const close = await openIdle(port, count, opening)
  await sleep(REST_MS)
  const bytes = residentBytes(pid) - before
  if (protocol === 'redis') report('redis connections open at a time', count, '', REDIS_IDLE, 'at least')
  report(`${protocol} memory per idle connection, of ${count}`, bytes / count / KB, 'KB RSS', 40, 'at most')
  await close()
}
