import { open, readFile, rm } from 'node:fs/promises'
import { PorticoError } from '../../../shared/errors.ts'

interface Holder {
  readonly pid: number
  /** When that process started, in the system's own terms; '' where it does not tell. Pids are used again. */
  readonly started: string
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold anything, so count from its end. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

async function isHeld({ pid, started }: Holder): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const now = await startOf(pid)
  return now === '' || started === '' || now === started
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const { pid, started } = JSON.parse(await readFile(file, 'utf8')) as Partial<Holder>
    return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : undefined
  } catch {
    return undefined
  }
}

/**
 * One lab per home, across processes. A lock whose holder is gone is taken over.
 * @returns what gives it back
 * @throws PorticoError `lab/running` with facts.pid
 */
export async function lockLab(file: string, home: string): Promise<() => Promise<void>> {
  const mine: Holder = { pid: process.pid, started: await startOf(process.pid) }
  for (let tries = 0; tries < 5; tries++) {
    try {
      const lock = await open(file, 'wx', 0o600)
      await lock.writeFile(JSON.stringify(mine))
      await lock.close()
      return () => rm(file, { force: true })
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
    }
    const holder = await readHolder(file)
    if (holder !== undefined && (await isHeld(holder))) throw new PorticoError('lab/running', { pid: holder.pid, home })
    // Somebody may be writing it just now; what is still unreadable after a moment was left by a crash.
    if (holder === undefined) await new Promise(resolve => setTimeout(resolve, 100))
    if (JSON.stringify(await readHolder(file)) === JSON.stringify(holder)) await rm(file, { force: true })
  }
  throw new PorticoError('lab/failed', { why: `${file} is taken and given back all the time` })
}
