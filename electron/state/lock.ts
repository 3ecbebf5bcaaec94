import { randomBytes } from 'node:crypto'
import { promises as fs, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { z } from 'zod'
import { PorticoError } from '../../shared/errors.ts'
import { diskError } from './atomic-file.ts'

/** Lets the processes of one home take turns at writing. */

const WAIT_MS = 5_000
/** A lock made on another machine (a home on a network disk) cannot be checked; this old, it is taken over. */
const FOREIGN_STALE_MS = 30_000

const HolderShape = z.object({ pid: z.number().int().positive(), start: z.string(), host: z.string(), id: z.string() })
type Holder = z.infer<typeof HolderShape>

/** Waiters of this process, by lock: they queue in order and only the first polls. */
const queues = new Map<string, Promise<void>>()

/**
 * Runs `work` while holding the lock file. A lock whose process is gone is taken over.
 * @throws PorticoError `state/unwritable` when another process holds it for longer than `waitMs`
 */
export async function withLock<T>(path: string, work: () => Promise<T>, waitMs = WAIT_MS): Promise<T> {
  const before = queues.get(path) ?? Promise.resolve()
  const { promise: mine, resolve: done } = promiseParts()
  const last = before.then(() => mine)
  queues.set(path, last)
  await before
  try {
    const holder = await take(path, waitMs)
    try {
      return await work()
    } finally {
      await release(path, holder)
    }
  } finally {
    done()
    if (queues.get(path) === last) queues.delete(path)
  }
}

function promiseParts(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}

async function take(path: string, waitMs: number): Promise<Holder> {
  const me: Holder = { pid: process.pid, start: startOf(process.pid), host: hostname(), id: randomBytes(8).toString('hex') }
  const own = `${path}.${me.pid}-${me.id}`
  const until = Date.now() + waitMs
  try {
    await fs.writeFile(own, JSON.stringify(me), { mode: 0o600, flag: 'wx' })
    for (;;) {
      if (await linked(own, path)) return me
      const there = await read(path)
      if (there !== undefined && isStale(there)) await takeAway(path, there)
      else if (Date.now() >= until)
        throw new PorticoError('state/unwritable', {
          path,
          why: `process ${there?.holder?.pid ?? 'unknown'} is writing and does not finish`,
        })
      else await new Promise(tick => setTimeout(tick, 5 + Math.random() * 20))
    }
  } catch (error) {
    throw error instanceof PorticoError ? error : diskError(error, path)
  } finally {
    await fs.rm(own, { force: true }).catch(() => {})
  }
}

/** link() makes the lock with its content in one step, so nobody ever reads a lock half written. */
async function linked(own: string, path: string): Promise<boolean> {
  try {
    await fs.link(own, path)
    return true
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? ''
    if (errno === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(errno)) throw error
  }
  // A disk without links (FAT, some network disks).
  return fs.copyFile(own, path, fs.constants.COPYFILE_EXCL).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )
}

interface Seen {
  readonly text: string
  readonly holder: Holder | undefined
  readonly ageMs: number
}

async function read(path: string): Promise<Seen | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([fs.readFile(path, 'utf8'), fs.stat(path)])
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      value = undefined
    }
    return { text, holder: HolderShape.safeParse(value).data, ageMs: Date.now() - mtimeMs }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function isStale({ holder, ageMs }: Seen): boolean {
  if (holder === undefined || holder.host !== hostname()) return ageMs > FOREIGN_STALE_MS
  // The number may have been given to another program since: then its start differs.
  return !isAlive(holder.pid) || startOf(holder.pid) !== holder.start
}

/** Removes the lock that was judged, and no other: somebody may have replaced it meanwhile. */
async function takeAway(path: string, judged: Seen): Promise<void> {
  const aside = `${path}.stale-${randomBytes(6).toString('hex')}`
  try {
    await fs.rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if ((await fs.readFile(aside, 'utf8')) !== judged.text) await linked(aside, path)
  await fs.rm(aside, { force: true })
}

async function release(path: string, me: Holder): Promise<void> {
  const there = await read(path).catch(() => undefined)
  if (there?.holder?.id === me.id) await fs.rm(path, { force: true }).catch(() => {})
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** When a process started, in the kernel's ticks; `''` where the system does not tell (then the number alone decides). */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name may hold spaces and brackets: count from the last bracket. proc(5): field 22
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
