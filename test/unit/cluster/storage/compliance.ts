import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Storage, StorageEvent } from '../../../../electron/cluster/storage/storage.ts'

/**
 * What every storage promises, run by each of them.
 * @param open an empty one, whose clock is the function given
 */
export function describeStorage(name: string, open: (now: () => number) => Promise<Storage>): void {
  let clock = 1_000
  describe(`storage in ${name}`, () => {
    let storage: Storage
    beforeEach(async () => {
      clock = 1_000
      storage = await open(() => clock)
    })
    afterEach(() => storage.close())

    test('gives back what was put, and nothing for other keys', async () => {
      const put = await storage.put('users/alice', { roles: ['a'] })
      expect(await storage.get('users/alice')).toEqual(put)
      expect(put.value).toEqual({ roles: ['a'] })
      expect(await storage.get('users/Alice')).toBeUndefined()
    })

    test('gives every write a new revision', async () => {
      const [first, second] = [await storage.put('k', 1), await storage.put('k', 1)]
      expect(second.revision).not.toBe(first.revision)
    })

    test('keeps its values apart from the objects of its callers', async () => {
      const value = { list: [1] }
      await storage.put('k', value)
      value.list.push(2)
      expect((await storage.get('k'))?.value).toEqual({ list: [1] })
      const item = await storage.get('k')
      expect(() => (item!.value as { list: number[] }).list.push(3)).toThrow()
    })

    test('lists a prefix in the order of keys', async () => {
      for (const key of ['b/2', 'a/1', 'b/1', 'bb']) await storage.put(key, key)
      expect((await storage.list('b/')).map(item => item.key)).toEqual(['b/1', 'b/2'])
    })

    test('swaps only what the caller saw', async () => {
      const first = await storage.compareAndSwap('k', undefined, 1)
      expect(first?.value).toBe(1)
      expect(await storage.compareAndSwap('k', undefined, 2)).toBeUndefined()
      expect((await storage.compareAndSwap('k', first!.revision, 3))?.value).toBe(3)
      expect(await storage.compareAndSwap('k', first!.revision, 4)).toBeUndefined()
      expect((await storage.get('k'))?.value).toBe(3)
    })

    test('of many that create one key at once, one wins', async () => {
      const all = await Promise.all(Array.from({ length: 20 }, (_unused, at) => storage.compareAndSwap('once', undefined, at)))
      expect(all.filter(item => item !== undefined)).toHaveLength(1)
    })

    test('forgets an item at its end, and lets the key be created anew', async () => {
      await storage.put('k', 1, { expires: 2_000 })
      clock = 1_999
      expect((await storage.get('k'))?.value).toBe(1)
      clock = 2_000
      expect(await storage.get('k')).toBeUndefined()
      expect(await storage.list('')).toEqual([])
      expect((await storage.compareAndSwap('k', undefined, 2))?.value).toBe(2)
    })

    test('tells watchers of their prefix until they stop', async () => {
      const events: StorageEvent[] = []
      const stop = storage.watch('a/', event => events.push(event))
      const item = await storage.put('a/1', 1)
      await storage.put('b/1', 1)
      await storage.delete('a/1')
      await storage.delete('a/none')
      stop()
      await storage.put('a/2', 1)
      expect(events).toEqual([
        { type: 'put', item },
        { type: 'delete', key: 'a/1' },
      ])
    })
  })
}
