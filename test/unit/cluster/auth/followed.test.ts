import { beforeEach, expect, test } from 'vitest'
import { follow, type Followed } from '../../../../electron/cluster/auth/followed.ts'
import { openMemoryStorage } from '../../../../electron/cluster/storage/memory-storage.ts'
import type { Storage } from '../../../../electron/cluster/storage/storage.ts'

/** The storage of this process and of another one, whose answers come late: what it did is known by the watch before. */
let storage: Storage
let slow: Storage
let answer: () => void

beforeEach(() => {
  storage = openMemoryStorage()
  const held = new Promise<void>(resolve => (answer = resolve))
  const late = async <T>(done: Promise<T>): Promise<T> => {
    const result = await done
    await held
    return result
  }
  slow = {
    ...storage,
    list: prefix => late(storage.list(prefix)),
    put: (key, value, options) => late(storage.put(key, value, options)),
    delete: key => late(storage.delete(key)),
  }
})

const shown = (followed: Followed<unknown>): object => Object.fromEntries(followed.values)

test('what the storage has is there, and changes from elsewhere come in', async () => {
  await storage.put('x/a%2Fb', 1)
  const changes: string[] = []
  const followed = await follow(storage, 'x/', key => changes.push(key))
  expect(shown(followed)).toEqual({ 'a/b': 1 })
  await storage.put('x/c', 2)
  await storage.delete('x/a%2Fb')
  await storage.put('y/c', 3)
  expect([shown(followed), changes]).toEqual([{ c: 2 }, ['x/c', 'x/a%2Fb']])
  followed.close()
  await storage.put('x/d', 4)
  expect(shown(followed)).toEqual({ c: 2 })
})

test('own changes count when they are written, once', async () => {
  const changes: string[] = []
  const followed = await follow<number>(storage, 'x/', key => changes.push(key))
  await followed.put('a/b', 1)
  expect(shown(followed)).toEqual({ 'a/b': 1 })
  await followed.remove('a/b')
  expect([shown(followed), changes]).toEqual([{}, ['x/a%2Fb', 'x/a%2Fb']])
})

test('a first list that comes late overwrites nothing that changed meanwhile', async () => {
  await storage.put('x/kept', 1)
  await storage.put('x/changed', 1)
  await storage.put('x/gone', 1)
  const opening = follow(slow, 'x/', () => {})
  await storage.list('x/')
  await storage.put('x/changed', 2)
  await storage.delete('x/gone')
  answer()
  expect(shown(await opening)).toEqual({ kept: 1, changed: 2 })
})

test('nor does a write whose end comes late', async () => {
  const followed = await follow<number>({ ...slow, list: storage.list }, 'x/', () => {})
  const writing = followed.put('a', 1)
  await storage.put('x/a', 2)
  answer()
  await writing
  expect(shown(followed)).toEqual({ a: 2 })
})
