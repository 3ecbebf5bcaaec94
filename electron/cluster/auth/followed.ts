import type { Storage } from '../storage/storage.ts'

/** Values of the storage by name, at hand at any time. Changes of other processes come in by themselves. */
export interface Followed<T> {
  readonly values: ReadonlyMap<string, T>
  put(name: string, value: T): Promise<void>
  remove(name: string): Promise<void>
  close(): void
}

/**
 * What the watch tells counts over what was read or written at the same time: that may be older, and if it is newer the watch tells it too.
 * @param prefix of the keys, up to the name
 * @param onChange after each change, of this process or another
 */
export async function follow<T>(storage: Storage, prefix: string, onChange: (key: string) => void): Promise<Followed<T>> {
  const values = new Map<string, T>()
  /** How often the watch has told something of a key. */
  const told = new Map<string, number>()
  const keyOf = (name: string): string => prefix + encodeURIComponent(name)
  const nameOf = (key: string): string => decodeURIComponent(key.slice(prefix.length))

  const unwatch = storage.watch(prefix, event => {
    const key = event.type === 'put' ? event.item.key : event.key
    told.set(key, (told.get(key) ?? 0) + 1)
    if (event.type === 'put') values.set(nameOf(key), event.item.value as T)
    else values.delete(nameOf(key))
    onChange(key)
  })

  async function change(name: string, write: (key: string) => Promise<unknown>, apply: () => void): Promise<void> {
    const key = keyOf(name)
    const before = told.get(key)
    await write(key)
    if (told.get(key) !== before) return
    apply()
    onChange(key)
  }

  try {
    for (const { key, value } of await storage.list(prefix)) if (!told.has(key)) values.set(nameOf(key), value as T)
  } catch (thrown) {
    unwatch()
    throw thrown
  }
  return {
    values,
    put: (name, value) =>
      change(
        name,
        key => storage.put(key, value),
        () => values.set(name, value),
      ),
    remove: name =>
      change(
        name,
        key => storage.delete(key),
        () => values.delete(name),
      ),
    close: unwatch,
  }
}
