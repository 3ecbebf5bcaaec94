import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { isErrorCode, PorticoError, type Facts } from '../../shared/errors.ts'
import type { Home } from '../app/context.ts'
import type { PorticoCommand } from '../app/start-lab.ts'
import { connectEngine, type EngineClient } from './connect-engine.ts'

export interface StartHeadlessOptions {
  readonly home: Home
  readonly portico: PorticoCommand
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

const START_MS = 15_000
/** An engine on its way out drains for 5 s and ends its lab. */
const LEAVE_MS = 15_000

/**
 * The engine that runs, else one that is started without a window and outlives this process.
 * @throws PorticoError `engine/failed`, `engine/gone`, `state/*`, `app/cancelled`
 */
export async function startHeadless(options: StartHeadlessOptions): Promise<EngineClient> {
  for (let tries = 1; ; tries++) {
    const running = await connectEngine(options.home)
    if (running?.hello.stopping === false) return running
    if (running !== undefined) {
      await orAfter(running.ended, LEAVE_MS)
      running.close()
    } else if (tries > 3) throw new PorticoError('engine/failed', { why: 'it went away as soon as it was there' })
    else await launch(options)
  }
}

/** Resolves when an engine is ready, this one or one that was quicker. */
function launch({ portico, env, home, signal }: StartHeadlessOptions): Promise<void> {
  // Secrets that were meant for this command are not for a process that stays.
  const { PORTICO_PASSWORD: _password, PORTICO_OTP: _code, ...kept } = env
  const child = spawn(portico.exec, [...portico.args, 'engine', 'start', '--foreground', '--json'], {
    cwd: home.root,
    env: { ...kept, ...portico.env },
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return new Promise((resolve, reject) => {
    const settle = (error?: PorticoError): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', cancel)
      child.stdout.destroy()
      child.unref()
      if (error === undefined || error.code === 'engine/running') resolve()
      else reject(error)
    }
    const cancel = (): void => {
      child.kill()
      settle(new PorticoError('app/cancelled'))
    }
    const timer = setTimeout(() => {
      child.kill()
      settle(new PorticoError('engine/failed', { why: 'it was not ready in time' }))
    }, START_MS)
    child.once('error', error => settle(new PorticoError('engine/failed', { why: 'its process could not be started' }, error)))
    child.once('exit', code => settle(new PorticoError('engine/failed', { why: `its process ended with code ${code}` })))
    createInterface({ input: child.stdout }).once('line', line => settle(failureOf(line)))
    if (signal.aborted) cancel()
    else signal.addEventListener('abort', cancel, { once: true })
  })
}

/** Its first line says that it is ready, or why not. */
function failureOf(line: string): PorticoError | undefined {
  try {
    const { error } = Object(JSON.parse(line)) as { error?: { code?: unknown; facts?: Facts } }
    if (error === undefined) return undefined
    const code = String(error.code)
    return new PorticoError(isErrorCode(code) ? code : 'engine/failed', error.facts ?? {})
  } catch {
    return new PorticoError('engine/failed', { why: 'it said something strange' })
  }
}

function orAfter(wanted: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  return Promise.race([wanted, late]).finally(() => clearTimeout(timer))
}
