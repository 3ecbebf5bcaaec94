import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openEncryptedStorage } from '../../../../electron/cluster/storage/encrypted-storage.ts'
import { openMemoryStorage } from '../../../../electron/cluster/storage/memory-storage.ts'
import type { Storage, StorageEvent } from '../../../../electron/cluster/storage/storage.ts'
import { NO_LOG } from '../../../../electron/log/log.ts'
import { describeStorage } from './compliance.ts'

const folder = mkdtempSync(join(tmpdir(), 'portico-sealed-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const newFile = (): string => join(folder, String(++files), 'storage.key')

describeStorage('memory, all of it sealed', now => openEncryptedStorage(openMemoryStorage({ now }), { keyFile: newFile(), prefixes: [''] }))
describeStorage('memory, some of it sealed', now =>
  openEncryptedStorage(openMemoryStorage({ now }), { keyFile: newFile(), prefixes: ['a/'] }),
)

const allOf = async (storage: Storage): Promise<string> => JSON.stringify(await storage.list(''))

test('seals what is secret or gives rights, each time anew', async () => {
  const inner = openMemoryStorage()
  const sealed = await openEncryptedStorage(inner, { keyFile: newFile() })
  await sealed.put('cas/user', { key: 'PRIVATE' })
  await sealed.put('users/alice', { totpSecret: 'PRIVATE' })
  await sealed.put('clusters/roots/r', { name: 'PRIVATE' })
  await sealed.put('database-servers/a/b', { name: 'public' })
  expect(await allOf(inner)).not.toContain('PRIVATE')
  expect((await inner.get('database-servers/a/b'))?.value).toEqual({ name: 'public' })
  const before = (await inner.get('cas/user'))?.value
  await sealed.put('cas/user', { key: 'PRIVATE' })
  expect((await inner.get('cas/user'))?.value).not.toEqual(before)
  expect((await sealed.get('cas/user'))?.value).toEqual({ key: 'PRIVATE' })
  await sealed.close()
})

test.skipIf(process.platform === 'win32')('makes a key that its owner alone can read', async () => {
  const keyFile = newFile()
  const storage = await openEncryptedStorage(openMemoryStorage(), { keyFile })
  expect(statSync(keyFile).mode & 0o777).toBe(0o600)
  expect(Buffer.from(readFileSync(keyFile, 'utf8').trim(), 'base64')).toHaveLength(32)
  await storage.close()
})

test('opens again with the same key, and warns of one that others can read', async () => {
  const [inner, keyFile] = [openMemoryStorage(), newFile()]
  await (await openEncryptedStorage(inner, { keyFile })).put('cas/user', 1)
  const copy = newFile()
  writeFileSync(join(folder, 'copy.key'), readFileSync(keyFile), { mode: 0o644 })
  const warned: string[] = []
  const again = await openEncryptedStorage(inner, {
    keyFile: join(folder, 'copy.key'),
    log: { ...NO_LOG, warn: event => warned.push(event) },
  })
  expect((await again.get('cas/user'))?.value).toBe(1)
  if (process.platform !== 'win32') expect(warned).toEqual(['storage.key-readable'])
  expect(() => statSync(copy)).toThrow()
  await again.close()
})

test('refuses another key, a missing one and a file that is none, and changes nothing', async () => {
  const [inner, keyFile] = [openMemoryStorage(), newFile()]
  await (await openEncryptedStorage(inner, { keyFile })).put('cas/user', 1)
  const before = await allOf(inner)

  const other = newFile()
  await (await openEncryptedStorage(openMemoryStorage(), { keyFile: other })).close()
  const kept = readFileSync(other, 'utf8')
  const refusal = (why: string): unknown =>
    expect.objectContaining({ code: 'cluster/config', facts: expect.objectContaining({ why: expect.stringContaining(why) }) })
  await expect(openEncryptedStorage(inner, { keyFile: other })).rejects.toEqual(refusal('is not the key'))
  expect(readFileSync(other, 'utf8')).toBe(kept)

  const missing = newFile()
  await expect(openEncryptedStorage(inner, { keyFile: missing })).rejects.toEqual(refusal('is missing'))
  expect(() => statSync(missing)).toThrow()

  for (const text of ['', 'short', `${kept.trim()}${kept}`, '-----BEGIN PRIVATE KEY-----']) {
    writeFileSync(other, text)
    await expect(openEncryptedStorage(inner, { keyFile: other })).rejects.toEqual(refusal('is no key'))
  }
  expect(await allOf(inner)).toBe(before)
  await inner.close()
})

test('of two machines that make keys at once, one has the key and the other is told to copy it', async () => {
  const inner = openMemoryStorage()
  const files = [newFile(), newFile()]
  const opened = await Promise.allSettled(files.map(keyFile => openEncryptedStorage(inner, { keyFile })))
  const lost = opened.findIndex(({ status }) => status === 'rejected')
  expect(opened.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(opened[lost]).toMatchObject({ reason: { code: 'cluster/config', facts: { file: files[lost] } } })
  expect(() => statSync(files[lost]!)).toThrow()
  writeFileSync(files[lost]!, readFileSync(files[1 - lost]!), { mode: 0o600 })
  await (await openEncryptedStorage(inner, { keyFile: files[lost]! })).close()
})

test('refuses values that somebody without the key put there, changed or moved', async () => {
  const inner = openMemoryStorage()
  const errors: string[] = []
  const sealed = await openEncryptedStorage(inner, { keyFile: newFile(), log: { ...NO_LOG, error: event => errors.push(event) } })
  const heard: StorageEvent[] = []
  sealed.watch('cas/', event => heard.push(event))
  await sealed.put('cas/user', 1)
  const { value } = (await inner.get('cas/user'))!
  const bytes = Buffer.from((value as { bytes: string }).bytes, 'base64')
  bytes[20]! ^= 1
  const forged: readonly unknown[] = [
    { key: 'mine' },
    null,
    'text',
    { sealed: 'aes-256-gcm' },
    { sealed: 'aes-256-gcm', bytes: '' },
    { sealed: 'aes-256-gcm', bytes: bytes.toString('base64') },
  ]
  for (const one of forged) {
    await inner.put('cas/user', one)
    await expect(sealed.get('cas/user')).rejects.toMatchObject({ code: 'cluster/storage' })
    await expect(sealed.list('cas/')).rejects.toMatchObject({ code: 'cluster/storage' })
  }
  await inner.put('cas/host', value)
  await expect(sealed.get('cas/host')).rejects.toMatchObject({ code: 'cluster/storage' })
  expect(heard).toHaveLength(1)
  expect(errors).toHaveLength(forged.length + 1)
  await sealed.close()
})
