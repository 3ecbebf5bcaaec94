import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { Account } from './account.ts'
import { spawnOptions } from './run-program.ts'

const START_MS = 60_000
/** An orderly end writes data away; after that long it is told to stop at once. */
const STOP_MS = 5_000

/**
 * Runs a server and ends it when standard input does: also after SIGKILL of this process no server stays.
 * The shell sets SIGINT to "ignored" for the server, which sets its own.
 */
const KEEPER =
  'end=$1; shift; exec 3<&0; "$@" 3<&- </dev/null & server=$!; (cat <&3 >/dev/null; kill -$end $server 2>/dev/null) & wait $server'

export interface ServerOptions {
  /** For people, and in the log: `PostgreSQL`. */
  readonly title: string
  readonly command: readonly [string, ...string[]]
  readonly account: Account | undefined
  readonly cwd: string
  /** In a line of its output, once it takes connections. */
  readonly ready: string
  /** Lines that tell why it does not start. */
  readonly trouble: RegExp
  /** What ends it in good order. */
  readonly endSignal: 'INT' | 'TERM'
  /** What ends it at once. */
  readonly cutSignal: 'SIGQUIT' | 'SIGKILL'
  /** How it is ended where there are no signals. */
  readonly endOnWindows?: () => Promise<void>
  readonly log: Log
}

/** A real database server of the lab: a child of this process. */
export interface LabServer {
  /** Resolves when the server is gone, wanted or not. */
  readonly ended: Promise<void>
  /** Idempotent. */
  stop(): Promise<void>
}

/** @throws PorticoError `lab/failed` with the server's last words */
export async function startServer(options: ServerOptions): Promise<LabServer> {
  const { command, account, cwd, endSignal } = options
  const [program, ...args] = command
  const common = { ...spawnOptions(account, cwd), stdio: ['pipe', 'pipe', 'pipe'] as ['pipe', 'pipe', 'pipe'] }
  // A group of its own: Ctrl-C in the terminal is for us, and sessions are drained before the server is stopped.
  const child: ChildProcess =
    process.platform === 'win32'
      ? spawn(program, args, common)
      : spawn('/bin/sh', ['-c', KEEPER, 'portico-lab-server', endSignal, program, ...args], { ...common, detached: true })
  child.stdin?.on('error', () => {})
  const ended = new Promise<void>(resolve => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
    child.once('exit', () => child.stdin?.destroy())
  })
  await whenReady(child, options)
  let stopping: Promise<void> | undefined
  return { ended, stop: () => (stopping ??= stop(child, ended, options)) }
}

function whenReady(child: ChildProcess, { title, ready, trouble, log }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let last = ''
    const fail = (why: string): void => {
      clearTimeout(timer)
      child.stdin?.destroy()
      reject(new PorticoError('lab/failed', { why: `${title}: ${why}` }))
    }
    const timer = setTimeout(() => fail('not ready in time'), START_MS)
    child.once('error', error => fail(error.message))
    child.once('exit', () => fail(last === '' ? 'ended at once' : last))
    for (const output of [child.stdout, child.stderr]) {
      if (output === null) continue
      createInterface({ input: output }).on('line', line => {
        log.debug('lab.server-says', { title, line })
        if (trouble.test(line)) last = line.replace(/^.*?(FATAL|PANIC|LOG|\[ERROR\]|#)[: ]\s*/, '')
        if (!line.includes(ready)) return
        clearTimeout(timer)
        resolve()
      })
    }
  })
}

async function stop(child: ChildProcess, ended: Promise<void>, { endOnWindows, cutSignal }: ServerOptions): Promise<void> {
  if (process.platform === 'win32') await endOnWindows?.()
  else child.stdin?.end()
  const cut = setTimeout(() => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    if (process.platform === 'win32') child.kill()
    else process.kill(-child.pid, cutSignal)
  }, STOP_MS)
  await ended
  clearTimeout(cut)
}
