import { beforeEach, expect, test } from 'vitest'
import { FreshCache } from '../../../../electron/cluster/database/fresh-cache.ts'

let now: number
let made: number
let cache: FreshCache<number>

beforeEach(() => {
  now = 1_000
  made = 0
  cache = new FreshCache(2, () => now)
})

const get = (name: string, until = 2_000): Promise<number> => cache.get(name, async () => ({ value: ++made, until }))

test('is asked for once while it is fresh, also by several at a time', async () => {
  expect(await Promise.all([get('a'), get('a'), get('b')])).toEqual([1, 1, 2])
  now = 1_999
  expect(await get('a')).toBe(1)
  now = 2_000
  expect(await Promise.all([get('a', 3_000), get('a', 3_000)])).toEqual([3, 3])
})

test('what is stale when it comes is used once', async () => {
  expect([await get('a', 500), await get('a', 500)]).toEqual([1, 2])
})

test('a failure is told to everybody who waits, and tried again by the next', async () => {
  const fail = (): Promise<number> => cache.get('a', () => Promise.reject(new Error('no')))
  const both = await Promise.allSettled([fail(), get('a')])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await get('a')).toBe(1)
})

test('the one used least recently goes first', async () => {
  await get('a')
  await get('b')
  await get('a')
  await get('c')
  expect([await get('a'), await get('c'), made]).toEqual([1, 3, 3])
  expect(await get('b')).toBe(4)
})

test('what is forgotten is still given to who waits for it, and asked for anew by the next', async () => {
  const waiting = [get('user x'), get('other x')]
  cache.forget(name => name.startsWith('user '))
  expect(await Promise.all(waiting)).toEqual([1, 2])
  expect([await get('user x'), await get('other x')]).toEqual([3, 2])
})
