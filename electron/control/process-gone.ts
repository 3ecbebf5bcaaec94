import { readFile } from 'node:fs/promises'

const LOOK_MS = 25

/** Resolves when the process has ended; false when it still runs after `withinMs`. */
export async function processGone(pid: number, withinMs: number): Promise<boolean> {
  for (const until = Date.now() + withinMs; ;) {
    if (!(await runs(pid))) return true
    if (Date.now() >= until) return false
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }
}

async function runs(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  // Ended, but its parent did not take notice yet. proc(5): the state follows the name in brackets
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return !/\) [ZX] /.test(stat)
}
