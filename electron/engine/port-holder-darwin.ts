import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { PortHolder } from './port-holder.ts'

/** `lsof -F pc` prints a line `p<pid>` and a line `c<command>` for each process. man lsof, OUTPUT FOR OTHER PROGRAMS */
export function parseLsof(text: string): PortHolder | undefined {
  const pid = /^p(\d+)$/m.exec(text)?.[1]
  return pid === undefined ? undefined : { pid: Number(pid), program: /^c(.+)$/m.exec(text)?.[1] ?? 'unknown' }
}

export async function findHolderDarwin(port: number): Promise<PortHolder | undefined> {
  const { stdout } = await promisify(execFile)('/usr/sbin/lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { timeout: 3_000 })
  return parseLsof(stdout)
}
