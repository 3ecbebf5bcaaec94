import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** The processes of one bench, and what the system says about them. */

/** A child process of this bundle's `NAME.mjs`. With BENCH_PROFILE=FOLDER the programs under test leave a CPU profile there. */
export const start = (name: string, args: readonly string[] = [], profiled = false): ChildProcess => {
  const folder = profiled ? process.env['BENCH_PROFILE'] : undefined
  return fork(new URL(`./${name}.mjs`, import.meta.url).pathname, args, {
    execArgv: folder === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', folder],
  })
}

/** What it says next; it must not die before. */
export async function told<T>(child: ChildProcess): Promise<T> {
  const gone = new AbortController()
  const died = (): void => gone.abort(new Error(`a process of the bench died: ${child.spawnargs.slice(1).join(' ')}`))
  child.once('exit', died)
  try {
    return (await once(child, 'message', { signal: gone.signal }))[0] as T
  } finally {
    child.off('exit', died)
  }
}

/** Hosts end by themselves when their parent disconnects. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  if (child.connected) child.disconnect()
  else child.kill()
  await gone
}

/** CPU seconds that a process has used so far, all its threads. man 5 proc_pid_stat; ticks are 1/100 s on Linux. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const columns = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(columns[11]) + Number(columns[12])) / 100
}

/** Bytes of a process that are in memory now. man 5 proc_pid_status */
export const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024
