import { fork, type ChildProcess } from 'node:child_process'
import { ALPN, PING_SUFFIX } from '../../shared/protocols.ts'
import type { Credentials } from '../../electron/engine/engine.ts'
import { isOnPath } from '../../electron/build/test-parts.mjs'
import { openAppHome } from './app-home.ts'
import { smallRecords, warmConnections } from './against-bare-tls.ts'
import { endAll, here, told, type Report } from './children.ts'
import { HAPROXY, startHaproxy } from './haproxy.ts'
import type { LabForBench } from './lab-host.ts'
import { headlessEngine } from './headless.ts'
import { openPgbench, PGBENCH } from './pgbench.ts'
import { cpuSeconds, median, roundTrips, throughput } from './traffic.ts'
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

const MB = 1024 * 1024

/** A tunnel and haproxy in front of the same TLS server, measured in turns, so that a busy machine is unfair to both alike. */
async function againstHaproxy(haproxy: string, framed: boolean, report: Report): Promise<void> {
  const children: ChildProcess[] = []
  try {
    const far = fork(here('tls-server'), framed ? [ALPN.postgres + PING_SUFFIX, ALPN.postgres] : [ALPN.postgres])
    children.push(far)
    const server = await told<{ port: number; webRoot: string; database: Credentials }>(far)
    const host = fork(here('tunnel-host'), [], {
      execArgv: process.env['BENCH_PROFILE'] === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', process.env['BENCH_PROFILE']],
    })
    children.push(host)
    host.send(server)
    const tunnelPort = (await told<{ port: number }>(host)).port
    const other = await startHaproxy(haproxy, { ...server, alpn: ALPN.postgres })
    children.push(other.child)
    const sides = [
      { name: 'haproxy', port: other.port, pid: other.child.pid! },
      { name: 'tunnel', port: tunnelPort, pid: host.pid! },
    ] as const
    const kind = framed ? ', ping frames' : ''

    const both = async (
      rounds: number,
      one: (side: (typeof sides)[number]) => Promise<number[]>,
    ): Promise<[haproxy: number[], tunnel: number[]]> => {
      const values: [number[], number[]] = [[], []]
      for (let round = -1; round < rounds; round++) {
        // Round -1 warms up; who goes first changes.
        for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
          const found = await one(sides[at]!)
          if (round >= 0) values[at]!.push(...found)
        }
      }
      return values
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
    await endAll(children)
  }
}

/** The whole way: pgbench → tunnel → router → agent → PostgreSQL, as a share of pgbench → PostgreSQL over TLS. */
async function throughLab(pgbench: string, report: Report): Promise<void> {
  const children: ChildProcess[] = []
  let bench: ReturnType<typeof openPgbench> | undefined
  try {
    const far = fork(here('lab-host'))
    children.push(far)
    const lab = await told<LabForBench>(far)
    const host = fork(here('tunnel-host'))
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
    await endAll(children)
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
    if (wanted('plain')) await againstHaproxy(HAPROXY, false, report)
    if (wanted('framed')) await againstHaproxy(HAPROXY, true, report)
  }
  if (PGBENCH === undefined) skip('pgbench through the lab', 'pgbench is needed (Debian: apt install postgresql-contrib)')
  else if (wanted('pgbench')) await throughLab(PGBENCH, report)
  if (wanted('records', 'app')) await smallRecords(report)
  if (wanted('connections', 'app')) await warmConnections(report)
  if (process.platform !== 'linux') skip('engine and window', 'memory is read from /proc: Linux is needed')
  else if (wanted('app')) await engineAndWindow(options, report, skip)
  return missed
}
