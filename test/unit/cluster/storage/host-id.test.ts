import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { hostIdOf } from '../../../../electron/cluster/storage/host-id.ts'

const folder = mkdtempSync(join(tmpdir(), 'portico-host-id-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a host keeps its id, and another has another', async () => {
  const one = await hostIdOf(join(folder, 'one'))
  expect(one).toMatch(/^[0-9a-f-]{36}$/)
  expect(await hostIdOf(join(folder, 'one'))).toBe(one)
  expect(await hostIdOf(join(folder, 'one'), 'earlier')).toBe(one)
  expect(await hostIdOf(join(folder, 'two'))).not.toBe(one)
  expect(await hostIdOf(join(folder, 'three'), 'earlier')).toBe('earlier')
  expect(readFileSync(join(folder, 'three', 'host_uuid'), 'utf8')).toBe('earlier')
})

test('a file that holds no id is told, not replaced', async () => {
  writeFileSync(join(folder, 'host_uuid'), '../../etc')
  await expect(hostIdOf(folder)).rejects.toMatchObject({ code: 'cluster/config' })
  writeFileSync(join(folder, 'file'), '')
  await expect(hostIdOf(join(folder, 'file'))).rejects.toMatchObject({ code: 'state/unwritable' })
})
