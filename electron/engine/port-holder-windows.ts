import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { PortHolder } from './port-holder.ts'

const run = promisify(execFile)

/** A listener of `netstat -ano -p TCP`: its foreign port is 0. The state's name depends on the language of Windows. */
export function parseNetstat(text: string, port: number): number | undefined {
  for (const line of text.split('\n')) {
    const [kind, here, there, , pid] = line.trim().split(/\s+/)
    if (kind === 'TCP' && here?.endsWith(`:${port}`) === true && there?.endsWith(':0') === true) return Number(pid)
  }
  return undefined
}

export async function findHolderWindows(port: number): Promise<PortHolder | undefined> {
  const pid = parseNetstat((await run('netstat', ['-ano', '-p', 'TCP'], { timeout: 3_000 })).stdout, port)
  if (pid === undefined) return undefined
  const { stdout } = await run('tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH'], { timeout: 3_000 })
  return { pid, program: /^"([^"]+)"/m.exec(stdout)?.[1] ?? 'unknown' }
}
