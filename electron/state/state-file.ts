import { basename } from 'node:path'
import { readFileIfThere, setAside, writeFileAtomic } from './atomic-file.ts'
import { makePrivate, type Home } from './home.ts'
import { withLock } from './lock.ts'
import type { Notice } from './notice.ts'
import { EMPTY_STORED_STATE, StoredStateShape, type StoredState } from './stored-state.ts'
import { watchFile } from './watch-file.ts'

const MAX_BYTES = 16 * 1024 * 1024

export interface StateFile {
  /** As last read or written by this process. */
  readonly value: StoredState
  /** Files set aside while reading, oldest first. */
  readonly notices: readonly Notice[]
  /**
   * Reads, changes and writes under the lock of the home. `change` gets a copy and may edit it.
   * @throws PorticoError `state/disk-full`, `state/unwritable`; the old file stays
   */
  update(change: (state: StoredState) => void): Promise<StoredState>
  /** Reads again what other processes wrote. */
  refresh(): Promise<StoredState>
  /** Calls after another process changed the file. @returns its unsubscribe */
  onChange(listener: () => void): () => void
  close(): void
}

/** @throws PorticoError `state/unwritable` */
export async function openStateFile(home: Home): Promise<StateFile> {
  makePrivate(home.root)
  const path = home.stateFile
  const lock = `${path}.lock`
  const notices: Notice[] = []
  const listeners = new Set<() => void>()
  let text: string | undefined
  let value: StoredState = EMPTY_STORED_STATE
  let stopWatching: (() => void) | undefined

  /** @returns undefined when the file holds something else than our state. */
  const read = async (): Promise<{ text: string | undefined; state: StoredState } | undefined> => {
    const found = await readFileIfThere(path, MAX_BYTES)
    if (found === undefined) return { text: found, state: EMPTY_STORED_STATE }
    try {
      const parsed = StoredStateShape.safeParse(JSON.parse(found))
      return parsed.success ? { text: found, state: parsed.data } : undefined
    } catch {
      return undefined
    }
  }
  /** Only under the lock: two processes must not set aside each other's fresh file. */
  const readOrSetAside = async (): Promise<{ text: string | undefined; state: StoredState }> => {
    const found = await read()
    if (found !== undefined) return found
    const kept = await setAside(path)
    notices.push({
      id: `state-${basename(kept)}`,
      text: `The file of your profiles could not be read, so Portico started with a new one. The old file is kept as ${kept}. Sign in again to go on.`,
    })
    return { text: undefined, state: EMPTY_STORED_STATE }
  }
  const load = async (): Promise<boolean> => {
    const found = (await read()) ?? (await withLock(lock, readOrSetAside))
    const changed = found.text !== text
    text = found.text
    value = found.state
    return changed
  }
  const loadAndTell = async (): Promise<void> => {
    if (await load().catch(() => false)) for (const listener of listeners) listener()
  }

  await load()
  return {
    get value() {
      return value
    },
    notices,
    update: change =>
      withLock(lock, async () => {
        const { state } = await readOrSetAside()
        const next = structuredClone(state)
        change(next)
        const written = `${JSON.stringify(next, null, 2)}\n`
        await writeFileAtomic(path, written)
        text = written
        value = next
        return next
      }),
    async refresh() {
      await load()
      return value
    },
    onChange(listener) {
      listeners.add(listener)
      stopWatching ??= watchFile(path, () => void loadAndTell())
      return () => {
        listeners.delete(listener)
        if (listeners.size > 0) return
        stopWatching?.()
        stopWatching = undefined
      }
    },
    close() {
      listeners.clear()
      stopWatching?.()
      stopWatching = undefined
    },
  }
}
