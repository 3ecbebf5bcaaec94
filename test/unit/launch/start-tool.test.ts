import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { inFolder, runTool, startTool, writeToolFiles } from '../../../electron/launch/start-tool.ts'

let folder: string
const node = (script: string): readonly string[] => [process.execPath, '-e', script]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portico-start-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('writes files that only the user can read, and says whether something changed', async () => {
  const files = [{ path: 'deep/er.xml', content: 'one' }]
  expect(await writeToolFiles(folder, files)).toBe(true)
  expect(await writeToolFiles(folder, files)).toBe(false)
  expect(await readFile(join(folder, 'deep/er.xml'), 'utf8')).toBe('one')
  expect((await stat(join(folder, 'deep/er.xml'))).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder, 'deep'))).mode & 0o777).toBe(0o700)
})

it('puts the folder where the words name it, unread', () => {
  expect(inFolder(['-a', '{folder}/x'], "/tmp/$&'")).toEqual(['-a', "/tmp/$&'/x"])
})

it('starts a program that stays', async () => {
  const done = join(folder, 'done')
  await startTool(node(`require('fs').writeFileSync(${JSON.stringify(done)}, 'x'); setTimeout(() => {}, 2000)`), process.env)
  expect(await readFile(done, 'utf8')).toBe('x')
})

it('says that a program is not there any more', async () => {
  await expect(startTool([join(folder, 'gone')], process.env)).rejects.toMatchObject({
    code: 'tool/failed',
    facts: { tool: 'gone', why: 'ENOENT' },
  })
})

it('says that a program may not be run', async () => {
  const path = join(folder, 'plain')
  await writeFile(path, 'not a program', { mode: 0o600 })
  await expect(startTool([path], process.env)).rejects.toMatchObject({ code: 'tool/failed', facts: { why: 'EACCES' } })
})

it('tells what a program said that ended badly', async () => {
  await expect(runTool(node(`console.error('no such table'); process.exit(3)`), process.env)).rejects.toMatchObject({
    facts: { why: 'no such table' },
  })
  await expect(startTool(node('process.exit(4)'), process.env)).rejects.toMatchObject({ facts: { why: 'it ended with 4' } })
})
