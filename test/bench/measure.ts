import type { ChildProcess } from 'node:child_process'
import { ALPN, PING_SUFFIX } from '../../shared/protocols.ts'
import type { Credentials } from '../../electron/engine/engine.ts'
import { isOnPath } from '../../electron/build/test-parts.mjs'
import { HAPROXY, NGINX, type Balancer } from '../kit/balancer.ts'
import { smallRecords, warmConnections } from './against-bare-tls.ts'
import { openAppHome } from './app-home.ts'
import { cpuSeconds, end, start, told } from './children.ts'
import { inTurns, MB, median, type Report } from './figures.ts'
import { startTunnelByHaproxy } from './haproxy.ts'
import { headlessEngine } from './headless.ts'
import type { LabForBench } from './lab-host.ts'
import { measureDatabases } from './databases/measure-databases.ts'
import { openPgbench, PGBENCH } from './pgbench.ts'
import { measureRouter } from './router/measure-router.ts'
import { roundTrips, throughput } from './traffic.ts'
import { appWithWindow } from './window.ts'

export interface Result {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly goal: string
  readonly ok: boolean
}
export interface BenchOptions {
  readonly json: boolean
  /** Groups to run; none = all. */
  readonly only: readonly string[]
  readonly root: string
  /** The program of Electron; undefined = the window is not measured. */
  readonly electron: string | undefined
}

/** A tunnel and haproxy in front of the same TLS server, measured in turns, so that a busy machine is unfair to both alike. */
async function againstHaproxy(framed: boolean, report: Report): Promise<void> {
  const children: ChildProcess[] = []
  let other: Balancer | undefined
  try {
    const far = start('tls-server', ['postgres', ...(framed ? [ALPN.postgres + PING_SUFFIX, ALPN.postgres] : [ALPN.postgres])])
    children.push(far)
    const server = await told<{ port: number; webRoot: string; database: Credentials }>(far)
    const host = start('tunnel-host', [], true)
    children.push(host)
    host.send(server)
    const tunnelPort = (await told<{ port: number }>(host)).port
    other = await startTunnelByHaproxy({ ...server, alpn: ALPN.postgres })
    const sides = [
      { name: 'haproxy', port: other.port, pid: other.pid },
      { name: 'tunnel', port: tunnelPort, pid: host.pid! },
    ] as const
    const kind = framed ? ', ping frames' : ''
    const both = async (rounds: number, one: (side: (typeof sides)[number]) => Promise<number[]>): Promise<[number[], number[]]> => {
      const [theirs, ours] = await inTurns(sides, rounds, one)
      return [theirs!, ours!]
    }

    const trips = await both(6, side => roundTrips(side.port, 2_000))
    report(`round trip p50, haproxy${kind}`, median(trips[0]), 'µs')
    report(`round trip p50, tunnel${kind}`, median(trips[1]), 'µs')
    report(`round trip p50, tunnel ÷ haproxy${kind}`, median(trips[1]) / median(trips[0]), '×', 1.3, 'at most')
    for (const [direction, word] of [
      ['send', 'down'],
      ['take', 'up'],
    ] as const) {
      for (const streams of framed ? [1] : [1, 8]) {
        const cpu: [number[], number[]] = [[], []]
        const rates = await both(4, async side => {
          const before = cpuSeconds(side.pid)
          const bytes = (256 * MB) / streams
          const rate = await throughput(side.port, direction, streams, bytes)
          cpu[side.name === 'tunnel' ? 1 : 0].push((cpuSeconds(side.pid) - before) / ((streams * bytes) / 1e9))
          return [rate / MB]
        })
        const label = `${word}, ${streams} stream${streams === 1 ? '' : 's'}${kind}`
        report(`throughput ${label}, haproxy`, median(rates[0]), 'MB/s')
        report(`throughput ${label}, tunnel`, median(rates[1]), 'MB/s')
        report(`throughput ${label}, tunnel ÷ haproxy`, median(rates[1]) / median(rates[0]), '×', 0.9, 'at least')
        const [theirs, ours] = [median(cpu[0]), median(cpu[1])]
        report(`CPU per GB ${label}, haproxy`, theirs, 's')
        report(`CPU per GB ${label}, tunnel`, ours, 's')
        report(`CPU per GB ${label}, tunnel ÷ haproxy`, ours / theirs, '×', 1.2, 'at most')
      }
    }
  } finally {
    await other?.close()
    await Promise.all(children.map(end))
  }
}

/** The whole way: pgbench → tunnel → router → agent → PostgreSQL, as a share of pgbench → PostgreSQL over TLS. */
async function throughLab(pgbench: string, report: Report): Promise<void> {
  const children: ChildProcess[] = []
  let bench: ReturnType<typeof openPgbench> | undefined
  try {
    const far = start('lab-host')
    children.push(far)
    const lab = await told<LabForBench>(far)
    const host = start('tunnel-host')
    children.push(host)
    host.send({ ...lab, servername: 'localhost' })
    bench = openPgbench(pgbench, lab, (await told<{ port: number }>(host)).port)
    // Warms up both programs.
    await bench.run('tunnel', 50, 10_000)
    for (const [clients, goal, transactions] of [
      [1, 0.65, 10_000],
      [50, 0.6, 25_000],
      [500, 0.85, 25_000],
    ] as const) {
      const rates = { tunnel: [] as number[], direct: [] as number[] }
      // Pairs of neighbours, so that a busy minute is unfair to both alike; who goes first changes.
      for (const way of ['direct', 'tunnel', 'tunnel', 'direct', 'direct', 'tunnel'] as const)
        rates[way].push(await bench.run(way, clients, transactions))
      const shares = rates.tunnel.map((rate, pair) => rate / rates.direct[pair]!)
      report(`pgbench ${clients} clients, direct TLS`, median(rates.direct), 'tps')
      report(`pgbench ${clients} clients, tunnel`, median(rates.tunnel), 'tps')
      report(`pgbench ${clients} clients, tunnel ÷ direct`, median(shares), '×', goal, 'at least')
    }
  } finally {
    bench?.close()
    await Promise.all(children.map(end))
  }
}

type Skip = (name: string, why: string) => void

/** What the app itself takes: memory, time to start, time to answer while data flows. */
async function engineAndWindow({ root, electron }: BenchOptions, report: Report, skip: Skip): Promise<void> {
  if (!isOnPath('psql')) return skip('engine and window', 'psql is needed (Debian: apt install postgresql-client)')
  const home = await openAppHome(root)
  try {
    const headless = await headlessEngine(home, report)
    if (electron === undefined) skip('app with window', 'Electron could not be had')
    else if ((process.env['DISPLAY'] ?? '') === '' && !isOnPath('Xvfb'))
      skip('app with window', 'a display is needed (Debian: apt install xvfb)')
    else await appWithWindow(home, { root, electron, headless }, report)
  } finally {
    await home.close()
  }
}

/** @returns how many goals were missed */
export async function measure(options: BenchOptions): Promise<number> {
  let missed = 0
  const report: Report = (name, value, unit, goal, sense = 'at most') => {
    const ok = goal === undefined || (sense === 'at most' ? value <= goal : value >= goal)
    if (!ok) missed++
    const result: Result = { name, value: Number(value.toPrecision(4)), unit, goal: goal === undefined ? '' : `${sense} ${goal}`, ok }
    if (options.json) console.log(JSON.stringify(result))
    else console.log(`${ok ? '  ' : '! '}${name}: ${result.value} ${unit}${result.goal === '' ? '' : `  (goal: ${result.goal})`}`)
  }
  const wanted = (...names: string[]): boolean => options.only.length === 0 || names.some(name => options.only.includes(name))
  const skip: Skip = (name, why) => console.error(`skipped: ${name}: ${why}`)
  if (HAPROXY === undefined || process.platform !== 'linux')
    skip('tunnel against haproxy', 'haproxy on Linux is needed (Debian: apt install haproxy)')
  else {
    if (wanted('plain')) await againstHaproxy(false, report)
    if (wanted('framed')) await againstHaproxy(true, report)
    if (wanted('databases')) await measureDatabases(report)
  }
  if (PGBENCH === undefined) skip('pgbench through the lab', 'pgbench is needed (Debian: apt install postgresql-contrib)')
  else if (wanted('pgbench')) await throughLab(PGBENCH, report)
  if (HAPROXY === undefined || NGINX === undefined || process.platform !== 'linux')
    skip('router', 'haproxy and nginx with its stream module on Linux are needed (Debian: apt install haproxy libnginx-mod-stream)')
  else await measureRouter(name => wanted('router', name), report)
  if (wanted('records', 'app')) await smallRecords(report)
  if (wanted('connections', 'app')) await warmConnections(report)
  if (process.platform !== 'linux') skip('engine and window', 'memory is read from /proc: Linux is needed')
  else if (wanted('app')) await engineAndWindow(options, report, skip)
  return missed
}
