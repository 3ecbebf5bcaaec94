import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { findTool } from '../../../electron/launch/find-tool.ts'

const places = { linux: ['thing', 'org.example.Thing'], darwin: ['Thing'], win32: ['Thing\\thing.exe', 'Maker\\Thing *\\bin\\thing64.exe'] }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portico-tools-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function program(...path: string[]): Promise<string> {
  const file = join(folder, ...path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, '')
  await chmod(file, 0o755)
  return file
}

it('finds a program on PATH', async () => {
  const path = await program('bin', 'thing')
  expect(await findTool(places, { platform: 'linux', env: { PATH: join(folder, 'bin') }, userHome: folder })).toEqual({
    withArguments: [path],
    withUrl: [path],
    folder: join(folder, 'bin'),
  })
})

it('finds what Flatpak installed for the user, which PATH need not name', async () => {
  const path = await program('.local', 'share', 'flatpak', 'exports', 'bin', 'org.example.Thing')
  expect(await findTool(places, { platform: 'linux', env: { PATH: '' }, userHome: folder })).toMatchObject({ withArguments: [path] })
})

it('finds nothing where nothing is', async () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const)
    expect(await findTool(places, { platform, env: { PATH: folder, ProgramFiles: folder }, userHome: folder })).toBeUndefined()
})

it('opens an application bundle of macOS with open', async () => {
  const bundle = join(folder, 'Applications', 'Thing.app')
  await mkdir(bundle, { recursive: true })
  expect(await findTool(places, { platform: 'darwin', env: {}, userHome: folder })).toEqual({
    withArguments: ['/usr/bin/open', '-n', '-a', bundle, '--args'],
    withUrl: ['/usr/bin/open', '-a', bundle],
    folder: bundle,
  })
})
