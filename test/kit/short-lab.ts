import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { environment, programOf } from './app-under-test.ts'

export interface ShortLab {
  readonly proxy: string
  readonly caFile: string
  readonly password: string
  stop(): Promise<void>
}

/** A lab that is a process of its own, with a home of its own, and whose sign-ins end after `seconds`. */
export async function shortLab(home: string, seconds: number): Promise<ShortLab> {
  const args = ['lab', '--json', '--listen', '127.0.0.1:0', '--cert-ttl', `${seconds}s`]
  const lab = spawn(process.execPath, [programOf('cli/portico.mjs'), ...args], {
    env: environment(home),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  for await (const line of createInterface({ input: lab.stdout }))
    return {
      ...JSON.parse(line),
      async stop() {
        lab.kill('SIGTERM')
        if (lab.exitCode === null) await once(lab, 'exit')
      },
    }
  throw new Error('the lab ended before it was ready')
}
