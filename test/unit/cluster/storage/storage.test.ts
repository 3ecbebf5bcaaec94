import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fileName, openFileStorage } from '../../../../electron/cluster/storage/file-storage.ts'
import { openMemoryStorage } from '../../../../electron/cluster/storage/memory-storage.ts'
import type { Storage, StorageEvent } from '../../../../electron/cluster/storage/storage.ts'
import { NO_LOG } from '../../../../electron/log/log.ts'

const folders: string[] = []
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'portico-storage-'))
  folders.push(folder)
  return folder
}
afterAll(() => folders.forEach(folder => rmSync(folder, { recursive: true, force: true })))

let clock = 1_000
const now = (): number => clock

describe.each([
  ['memory', () => Promise.resolve(openMemoryStorage({ now }))],
  ['files', () => openFileStorage(newFolder(), { now })],
] as const)('storage in %s', (_, open) => {
  let storage: Storage
  beforeEach(async () => {
    clock = 1_000
    storage = await open()
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

describe('files', () => {
  test('come back after a restart, with revisions that go on', async () => {
    const folder = newFolder()
    const first = await openFileStorage(folder)
    const put = await first.put('database-servers/host/a "b" Ü/*', { x: 'ü' })
    await first.put('gone', 1)
    await first.delete('gone')
    await first.close()
    const second = await openFileStorage(folder)
    expect(await second.get(put.key)).toEqual(put)
    expect(await second.get('gone')).toBeUndefined()
    expect(Number((await second.put('k', 1)).revision)).toBeGreaterThan(Number(put.revision))
    await second.close()
  })

  test('that are torn or foreign are set aside and told', async () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'torn.json'), '{"key":"torn","val')
    writeFileSync(join(folder, 'other.json'), '{"key":"another","value":1,"revision":"1"}')
    writeFileSync(join(folder, 'x.json.abc.tmp'), 'half')
    const warned: string[] = []
    const storage = await openFileStorage(folder, { log: { ...NO_LOG, warn: event => warned.push(event) } })
    expect(await storage.list('')).toEqual([])
    expect(readdirSync(folder).sort()).toEqual(['other.json.bad', 'torn.json.bad'])
    expect(warned).toEqual(['storage.bad-file', 'storage.bad-file'])
    await storage.close()
  })

  test.skipIf(process.platform === 'win32')('are readable by their owner alone', async () => {
    const folder = newFolder()
    const storage = await openFileStorage(join(folder, 'deep', 'er'))
    await storage.put('k', 1)
    await storage.close()
    expect(statSync(join(folder, 'deep', 'er')).mode & 0o777).toBe(0o700)
    expect(statSync(join(folder, 'deep', 'er', 'k.json')).mode & 0o777).toBe(0o600)
  })

  test('have names that no system refuses or confuses', () => {
    const keys = ['users/alice', 'users/Alice', 'con', 'a*b', 'a.', '../../etc', 'ü', 'x'.repeat(4000), `${'x'.repeat(4000)}y`]
    const names = keys.map(fileName)
    expect(new Set(names.map(name => name.toLowerCase())).size).toBe(keys.length)
    for (const name of names) expect(name).toMatch(/^[a-z0-9_%-]{1,200}\.json$/)
  })
})
