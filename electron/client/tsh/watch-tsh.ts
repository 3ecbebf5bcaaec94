import { watch, type FSWatcher } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from './tsh-files.ts'

/** A login writes a dozen files. */
const SETTLE_MS = 300

/** Calls after tsh changed a login, some time later; folders that come and go are followed. @returns its end */
export function watchTsh(base: string, changed: () => void): () => void {
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined
  let ended = false

  const stir = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      void follow().then(() => {
        if (!ended) changed()
      })
    }, SETTLE_MS)
    timer.unref()
  }
  const add = (folder: string): void => {
    if (ended || watchers.has(folder)) return
    try {
      const watcher = watch(folder, { persistent: false }, stir)
      watchers.set(folder, watcher)
      watcher.on('error', () => {
        watcher.close()
        watchers.delete(folder)
      })
    } catch {
      // Not there yet: its parent tells when it comes.
    }
  }
  const follow = async (): Promise<void> => {
    const keys = join(base, 'keys')
    const profiles = await namesIn(keys)
    const wanted = [base, keys, ...profiles.map(name => join(keys, name))]
    for (const [folder, watcher] of watchers) {
      if (wanted.includes(folder)) continue
      watcher.close()
      watchers.delete(folder)
    }
    wanted.forEach(add)
  }
  void follow()

  return () => {
    ended = true
    clearTimeout(timer)
    for (const watcher of watchers.values()) watcher.close()
    watchers.clear()
  }
}
