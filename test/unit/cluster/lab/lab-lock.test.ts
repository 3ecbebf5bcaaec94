import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { lockLab } from '../../../../electron/cluster/lab/lab-lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'portico-lock-'))
const file = join(folder, 'lab.lock')
afterAll(() => rmSync(folder, { recursive: true }))

test('a lock is held until it is given back', async () => {
  const unlock = await lockLab(file, folder)
  await expect(lockLab(file, folder)).rejects.toMatchObject({ code: 'lab/running', facts: { pid: process.pid, home: folder } })
  await unlock()
  expect(existsSync(file)).toBe(false)
})

test.each([
  ['a process that is gone', '{"pid":2147483646,"started":"1"}'],
  ['a process whose pid was given to another since', `{"pid":${process.pid},"started":"1"}`],
  ['a crash while it was written', '{"pi'],
])('the lock of %s is taken over', async (_what, text) => {
  writeFileSync(file, text)
  const unlock = await lockLab(file, folder)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid })
  await unlock()
})
