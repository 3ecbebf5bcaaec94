import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { fileName, openFileStorage } from '../../../../electron/cluster/storage/file-storage.ts'
import { openMemoryStorage } from '../../../../electron/cluster/storage/memory-storage.ts'
import { NO_LOG } from '../../../../electron/log/log.ts'
import { describeStorage } from './compliance.ts'

const folders: string[] = []
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'portico-storage-'))
  folders.push(folder)
  return folder
}
afterAll(() => folders.forEach(folder => rmSync(folder, { recursive: true, force: true })))

describeStorage('memory', now => Promise.resolve(openMemoryStorage({ now })))
describeStorage('files', now => openFileStorage(newFolder(), { now }))

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
