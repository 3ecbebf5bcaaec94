import { spawn, type SpawnOptions } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { PorticoError } from '../../../shared/errors.ts'
import type { Account } from './account.ts'

/** What a database's program needs of our environment, and no more: no PG* variable, no secret. */
const PASSED_ON = ['PATH', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR', 'TZ']

function programEnvironment(): NodeJS.ProcessEnv {
  const passed = PASSED_ON.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  // English messages: the one that says "ready" is looked for.
  return { ...Object.fromEntries(passed), LC_ALL: 'C', PGTZ: 'UTC' }
}

export function spawnOptions(account: Account | undefined, cwd: string): SpawnOptions {
  return { cwd, env: programEnvironment(), windowsHide: true, ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }) }
}

export interface ProgramEnd {
  /** undefined when it could not be started. */
  readonly code: number | undefined
  /** The end of what it said on both streams. */
  readonly said: string
}

/** Output kept for an error message, characters. */
const KEPT = 4_000

export interface RunOptions {
  readonly account: Account | undefined
  /** A folder that the account may enter. */
  readonly cwd: string
  /** Text file that it reads on its standard input. */
  readonly input?: string
  readonly signal?: AbortSignal | undefined
}

/** Runs a program to its end. Never rejects. */
export function runProgram(program: string, args: readonly string[], { account, cwd, input, signal }: RunOptions): Promise<ProgramEnd> {
  return new Promise(resolve => {
    let said = ''
    const child = spawn(program, args, {
      ...spawnOptions(account, cwd),
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(signal === undefined ? {} : { signal, killSignal: 'SIGKILL' }),
    })
    const keep = (chunk: Buffer): void => {
      said = (said + chunk.toString('utf8')).slice(-KEPT)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    child.once('error', error => resolve({ code: undefined, said: `${said}${error.message}` }))
    child.once('close', code => resolve({ code: code ?? -1, said }))
    child.stdin?.on('error', () => {})
    if (child.stdin === null) return
    if (input === undefined) child.stdin.end()
    else pipeline(createReadStream(input), child.stdin, () => {})
  })
}

/** Its last word of trouble as an error. */
export function failedProgram(what: string, { said }: ProgramEnd, signal: AbortSignal | undefined): PorticoError {
  if (signal?.aborted === true) return new PorticoError('app/cancelled')
  const lines = said.trim().split('\n')
  return new PorticoError('lab/failed', {
    why: `${what}: ${(lines.findLast(line => /ERROR|FATAL|error/.test(line)) ?? lines.at(-1) ?? '').trim()}`,
  })
}
