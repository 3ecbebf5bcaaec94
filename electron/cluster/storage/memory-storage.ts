import { freeze } from './freeze.ts'
import type { Item, Storage, StorageEvent } from './storage.ts'

/** What a storage does with a change before it counts; undefined item = the key goes away. */
export type Persist = (key: string, item: Item | undefined) => Promise<void>

export interface MemoryStorageOptions {
  readonly items?: readonly Item[]
  readonly persist?: Persist
  /** ms since 1970 */
  readonly now?: () => number
  /** Told when items that ended could not be removed; they are not returned all the same. */
  readonly onSweepFailure?: (thrown: unknown) => void
}

/** How often items that ended are removed for good. */
const SWEEP_MS = 30_000

/**
 * Everything in memory, changes one after the other. With `persist` it is also the heart of the storage on files: reads never wait
 * for a disk, and a change counts only once it is kept.
 */
export function openMemoryStorage(options: MemoryStorageOptions = {}): Storage {
  const { persist, now = Date.now } = options
  const items = new Map<string, Item>((options.items ?? []).map(item => [item.key, freeze(item)]))
  const watchers = new Set<{ readonly prefix: string; readonly listener: (event: StorageEvent) => void }>()
  let revision = Math.max(0, ...[...items.values()].map(item => Number(item.revision)))
  let last: Promise<unknown> = Promise.resolve()

  /** One change at a time; a failed one does not stop the next. */
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const mine = last.then(change, change)
    last = mine.catch(() => undefined)
    return mine
  }
  const tell = (key: string, event: StorageEvent): void => {
    for (const watcher of watchers) if (key.startsWith(watcher.prefix)) watcher.listener(event)
  }
  const alive = (item: Item | undefined): Item | undefined =>
    item === undefined || (item.expires !== undefined && item.expires <= now()) ? undefined : item

  async function write(key: string, value: unknown, expires: number | undefined): Promise<Item> {
    const copy: unknown = JSON.parse(JSON.stringify(value ?? null))
    const item = freeze({ key, value: copy, revision: String(++revision), ...(expires === undefined ? {} : { expires }) })
    await persist?.(key, item)
    items.set(key, item)
    tell(key, { type: 'put', item })
    return item
  }
  async function remove(key: string): Promise<void> {
    if (!items.has(key)) return
    await persist?.(key, undefined)
    items.delete(key)
    tell(key, { type: 'delete', key })
  }
  async function sweep(): Promise<void> {
    for (const { key } of [...items.values()].filter(item => alive(item) === undefined)) {
      await inTurn(async () => {
        if (alive(items.get(key)) === undefined) await remove(key)
      })
    }
  }
  const sweeper = setInterval(() => void sweep().catch((thrown: unknown) => options.onSweepFailure?.(thrown)), SWEEP_MS)
  sweeper.unref()

  return {
    get: key => Promise.resolve(alive(items.get(key))),
    list: prefix =>
      Promise.resolve(
        [...items.values()]
          .filter(item => item.key.startsWith(prefix) && alive(item) !== undefined)
          .sort((a, b) => (a.key < b.key ? -1 : 1)),
      ),
    put: (key, value, more) => inTurn(() => write(key, value, more?.expires)),
    compareAndSwap: (key, seen, value, more) =>
      inTurn(async () => (alive(items.get(key))?.revision === seen ? write(key, value, more?.expires) : undefined)),
    delete: key => inTurn(() => remove(key)),
    watch(prefix, listener) {
      const watcher = { prefix, listener }
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    async close() {
      clearInterval(sweeper)
      watchers.clear()
      await last
    },
  }
}
