import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The built command, run as a user runs it. */
export const COMMAND = fileURLToPath(new URL('../../../out/cli/portico.mjs', import.meta.url))

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** stdout as its one JSON document. */
  json(): any
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** A command that stays. */
export interface Staying {
  readonly child: ChildProcessWithoutNullStreams
  readonly lines: any[]
  /** The first line, past or future, that fits. */
  line(fits: (line: any) => boolean): Promise<any>
  end(signal?: NodeJS.Signals): Promise<number>
}

export class Portico {
  readonly home: string

  constructor(name = 'portico cli ü ') {
    this.home = mkdtempSync(join(tmpdir(), name))
  }

  env(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    const { PORTICO_PROXY: _p, TELEPORT_PROXY: _t, PORTICO_PASSWORD: _w, ...env } = process.env
    return { ...env, PORTICO_HOME: this.home, PORTICO_KEYRING: 'off', TELEPORT_HOME: join(this.home, 'no-tsh'), ...more }
  }

  run(args: readonly string[], { env, input = '' }: RunOptions = {}): Promise<Ran> {
    const child = spawn(process.execPath, [COMMAND, ...args], { env: this.env(env) })
    let [out, err] = ['', '']
    child.stdout.on('data', part => {
      out += String(part)
    })
    child.stderr.on('data', part => {
      err += String(part)
    })
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    return new Promise(resolve => {
      child.once('close', (code, signal) => resolve({ code: code ?? (signal === null ? -1 : -2), out, err, json: () => JSON.parse(out) }))
    })
  }

  stay(args: readonly string[], env: Readonly<Record<string, string>> = {}): Staying {
    const child = spawn(process.execPath, [COMMAND, ...args], { env: this.env(env) })
    const lines: any[] = []
    const waiting = new Set<() => void>()
    let err = ''
    child.stderr.on('data', part => {
      err += String(part)
    })
    createInterface({ input: child.stdout }).on('line', text => {
      lines.push(JSON.parse(text))
      for (const look of [...waiting]) look()
    })
    const ended = new Promise<number>(resolve => child.once('close', code => resolve(code ?? -1)))
    return {
      child,
      lines,
      line: fits =>
        new Promise((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`no such line in ${JSON.stringify(lines)} ${err}`)), 60_000)
          const look = (): void => {
            const found = lines.find(fits)
            if (found === undefined) return
            clearTimeout(timer)
            waiting.delete(look)
            resolve(found)
          }
          waiting.add(look)
          look()
          void ended.then(code => reject(new Error(`ended with ${code}: ${JSON.stringify(lines)} ${err}`)))
        }),
      end(signal = 'SIGTERM') {
        child.kill(signal)
        return ended
      },
    }
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true })
  }
}
