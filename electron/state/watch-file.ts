import { promises as fs, watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Several events come for one write. */
const SETTLE_MS = 20
/** Where the system's watcher tells nothing (network disks, exhausted inotify, a link to a file elsewhere). */
const POLL_MS = 2_000

/**
 * Calls soon after the file was written, replaced, made or removed. Watches its folder, since the file itself is replaced by each write.
 * Never keeps the process alive.
 * @returns its end
 */
export function watchFile(path: string, changed: () => void): () => void {
  let settle: NodeJS.Timeout | undefined
  let seen = ''
  const soon = (): void => {
    clearTimeout(settle)
    settle = setTimeout(changed, SETTLE_MS)
    settle.unref()
  }
  const look = async (): Promise<void> => {
    const there = await fs.stat(path).catch(() => undefined)
    const mark = there === undefined ? 'gone' : `${there.ino} ${there.mtimeMs} ${there.size}`
    if (seen !== '' && mark !== seen) soon()
    seen = mark
  }
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(path)) soon()
    })
    watcher.on('error', () => watcher?.close())
  } catch {
    /* the poll is enough */
  }
  void look()
  const poll = setInterval(() => void look(), POLL_MS)
  poll.unref()
  return () => {
    clearTimeout(settle)
    clearInterval(poll)
    watcher?.close()
  }
}
