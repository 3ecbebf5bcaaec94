import { execFile } from 'node:child_process'

const TIMEOUT_MS = 10_000
const MAX_BYTES = 16 * 1024 * 1024

/** Runs one of the system's programs. @returns what it printed, `''` when it failed or took too long */
export function runForText(program: string, args: readonly string[]): Promise<string> {
  return new Promise(resolve => {
    execFile(program, args, { timeout: TIMEOUT_MS, maxBuffer: MAX_BYTES, windowsHide: true }, (error, stdout) =>
      resolve(error === null ? stdout : ''),
    )
  })
}
