import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { end, residentBytes, start, told } from '../children.ts'
import { MB, percentile, type Report } from '../figures.ts'
import { startTerminating } from './balancers.ts'
import { handshake } from './handshake.ts'
import type { RouterForBench } from './router-host.ts'

const CLIENTS = 10_000
/** File descriptors that a process needs for anything else. */
const SPARE = 500
const DURING_MS = 8_000
const AT_ONCE = 2

/** Clients that begin a ClientHello and stop, while others want in. haproxy is the control: what the machine itself does to a handshake. */
export async function measureHalfOpen(report: Report): Promise<void> {
  const host = start('router-host', ['0'], true)
  try {
    const router = await told<RouterForBench>(host)
    const ours = await besiege(router.port, host.pid!)
    const haproxy = await startTerminating(router)
    const theirs = await besiege(haproxy.port, haproxy.pid).finally(haproxy.close)
    for (const [name, found] of [
      ['haproxy', theirs],
      ['router', ours],
    ] as const) {
      const goal = (value: number): number | undefined => (name === 'router' ? value : undefined)
      report(`half-open clients at a time, ${name}`, found.clients, '')
      report(`half-open clients in all, ${name}`, found.opened, '')
      report(`memory for them, ${name}`, found.bytes / MB, 'MB RSS', goal(150), 'at most')
      report(`good handshakes p50 meanwhile, ${name}`, percentile(found.times, 50), 'ms')
      report(`good handshakes p99 meanwhile, ${name}`, percentile(found.times, 99), 'ms', goal(100), 'at most')
    }
  } finally {
    await end(host)
  }
}

interface Besieged {
  readonly clients: number
  readonly opened: number
  readonly bytes: number
  readonly times: readonly number[]
}

async function besiege(port: number, pid: number): Promise<Besieged> {
  const count = Math.min(CLIENTS, files(pid) - SPARE, files(process.pid) - SPARE)
  if (count < CLIENTS) console.error(`only ${count} half-open clients: a process may not open more files here`)
  // Warm: code is compiled and heaps have grown before anything is counted.
  await shakeFor(1_500, port)
  const before = residentBytes(pid)
  const clients = start('half-open-clients', [String(port), String(count)])
  let most = 0
  const watch = setInterval(() => (most = Math.max(most, residentBytes(pid))), 100)
  try {
    await told(clients)
    const times = await shakeFor(DURING_MS, port)
    clients.send('how many')
    const { open, opened } = await told<{ open: number; opened: number }>(clients)
    return { clients: open, opened, bytes: most - before, times }
  } finally {
    clearInterval(watch)
    await end(clients)
  }
}

/** Full handshakes, one after the other. @returns ms of each */
async function shakeFor(ms: number, port: number): Promise<number[]> {
  const times: number[] = []
  const until = performance.now() + ms
  const work = async (): Promise<void> => {
    while (performance.now() < until) times.push((await handshake(port)).ms)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return times
}

/** How many files a process may open, raised where that is allowed. */
function files(pid: number): number {
  try {
    execFileSync('prlimit', ['--pid', String(pid), '--nofile=32768:'], { stdio: 'ignore' })
  } catch {
    // As it was: the count says so.
  }
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))![1])
}
