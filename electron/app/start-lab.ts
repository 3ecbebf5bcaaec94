import { spawn, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isErrorCode, PorticoError, type Facts } from '../../shared/errors.ts'
import { isOfLab } from '../../shared/lab.ts'
import type { Context } from './context.ts'
import { isFree } from './free-port.ts'

/** How to run the command line: the lab is always a process of its own. */
export interface PorticoCommand {
  readonly exec: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** The lab's ready line, as far as it is needed to sign in. */
export interface LabReady {
  readonly proxy: string
  readonly caFile: string
  readonly user: string
  readonly password: string
}

export interface RunningLab extends LabReady {
  readonly pid: number
  /** Somebody else's process: not stopped by close(). */
  readonly attached: boolean
  /** Resolves when the lab has ended, however that came. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

/** The lab's usual place. cli.md "Lab and cluster" */
const LAB_PORT = 3480

/** Where a running lab leaves its ready line (0600) for other processes of this home. */
export const READY_FILE = 'ready.json'

/** Set for a lab that shall end when its standard input does: also when we are killed, no process stays. */
export const END_WITH_STDIN = 'PORTICO_END_WITH_STDIN'

const STOP_MS = 8_000
const GONE_MS = 2_000
const START_MS = 120_000

/**
 * Starts `portico lab --json` on this home, or uses the one that runs already.
 * @param onStep progress, one line
 * @throws PorticoError `lab/failed`, `app/cancelled`, or what the lab itself reported
 */
export async function startLab(
  context: Context,
  portico: PorticoCommand,
  onStep: (step: string) => void,
  signal: AbortSignal,
): Promise<RunningLab> {
  const start = (args: readonly string[]): Promise<RunningLab> =>
    spawnLab(context, { ...portico, args: [...portico.args, 'lab', '--json', ...args] }, onStep, signal)
  try {
    const before = await lastAddress(context)
    // The same address as last time: its profile and its tunnels go on.
    return await start(before === undefined ? [] : ['--listen', before])
  } catch (thrown) {
    const error = PorticoError.from(thrown)
    if (error.code !== 'lab/running') throw error
    return (await attachLab(context, error.facts['pid'])) ?? Promise.reject(error)
  }
}

/** Where this home's lab was, if that is not its usual port and nobody else took it meanwhile. */
async function lastAddress({ profiles }: Context): Promise<string | undefined> {
  const found = profiles.list().find(profile => isOfLab(profile) && profile.proxy !== `localhost:${LAB_PORT}`)
  const port = Number(found?.proxy.slice('localhost:'.length))
  return found !== undefined && (await isFree(port)) ? `127.0.0.1:${port}` : undefined
}

async function attachLab({ home, log }: Context, pid: Facts[string] | undefined): Promise<RunningLab | undefined> {
  try {
    const ready = readReady(JSON.parse(await readFile(join(home.lab, READY_FILE), 'utf8')))
    if (ready === undefined || typeof pid !== 'number') return undefined
    log.info('lab.attached', { pid })
    return { ...ready, pid, attached: true, ended: gone(pid), close: () => Promise.resolve() }
  } catch (thrown) {
    log.warn('lab.not-attached', {}, thrown)
    return undefined
  }
}

/** Resolves when a process that is not our child has ended; never keeps us alive. */
function gone(pid: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setInterval(() => {
      try {
        process.kill(pid, 0)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EPERM') return
        clearInterval(timer)
        resolve()
      }
    }, GONE_MS)
    timer.unref()
  })
}

function spawnLab(
  { home, env, log }: Context,
  portico: PorticoCommand,
  onStep: (step: string) => void,
  signal: AbortSignal,
): Promise<RunningLab> {
  const child = spawn(portico.exec, [...portico.args], {
    env: { ...env, ...portico.env, PORTICO_HOME: home.root, [END_WITH_STDIN]: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  })
  child.stdin.on('error', () => {})
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const close = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(timer)
  }
  return new Promise<RunningLab>((resolve, reject) => {
    let last = ''
    let isReady = false
    const fail = (error: PorticoError): void => {
      signal.removeEventListener('abort', cancel)
      clearTimeout(timer)
      if (isReady) return
      reject(error)
      void close()
    }
    const cancel = (): void => fail(new PorticoError('app/cancelled'))
    const timer = setTimeout(() => fail(new PorticoError('lab/failed', { why: 'it did not become ready in time' })), START_MS)
    child.once('error', error => fail(new PorticoError('lab/failed', { why: 'its process could not be started' }, error)))
    child.once('close', code => fail(new PorticoError('lab/failed', { why: last === '' ? `its process ended with code ${code}` : last })))
    if (signal.aborted) return cancel()
    signal.addEventListener('abort', cancel, { once: true })
    onLines(child, 'stderr', line => {
      last = line
      if (!isReady) onStep(line)
      log.debug('lab.says', { line })
    })
    onLines(child, 'stdout', line => {
      const told = parseLine(line)
      if (told instanceof PorticoError) return fail(told)
      if (told === undefined || isReady) return
      isReady = true
      clearTimeout(timer)
      signal.removeEventListener('abort', cancel)
      resolve({ ...told, pid: child.pid ?? 0, attached: false, ended, close })
    })
  })
}

function onLines(child: ChildProcess, stream: 'stdout' | 'stderr', listener: (line: string) => void): void {
  const from = child[stream]
  if (from !== null) createInterface({ input: from, crlfDelay: Number.POSITIVE_INFINITY }).on('line', listener)
}

function parseLine(line: string): LabReady | PorticoError | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  const { event, error } = Object(value) as { event?: unknown; error?: { code?: unknown; facts?: Facts } }
  if (error !== undefined) {
    const code = String(error.code)
    return new PorticoError(isErrorCode(code) ? code : 'lab/failed', error.facts ?? {})
  }
  return event === 'ready' ? readReady(value) : undefined
}

function readReady(value: unknown): LabReady | undefined {
  const { proxy, caFile, user, password } = Object(value) as Record<string, unknown>
  return typeof proxy === 'string' && typeof caFile === 'string' && typeof user === 'string' && typeof password === 'string'
    ? { proxy, caFile, user, password }
    : undefined
}
