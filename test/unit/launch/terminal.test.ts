import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openInTerminal } from '../../../electron/launch/terminal.ts'

const HOSTILE = `sh$(touch x)'"op; echo`
const wish = { words: ['/usr/bin/psql', '-d', HOSTILE], variables: { PGSSLMODE: 'disable' }, terminal: null }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portico-terminal-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function terminal(name: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, '')
  await chmod(path, 0o755)
  return path
}

it.each([
  ['x-terminal-emulator', ['-e']],
  ['gnome-terminal', ['--']],
  ['konsole', ['-e']],
  ['xfce4-terminal', ['-x']],
  ['kitty', []],
  ['wezterm', ['start', '--']],
])('runs the client as arguments of %s', async (name, between) => {
  const path = await terminal(name)
  const { words, files } = await openInTerminal(wish, { platform: 'linux', env: { PATH: folder }, userHome: folder })
  expect(files).toEqual([])
  expect(words.slice(0, between.length + 3)).toEqual([path, ...between, '/bin/sh', '-c'])
  expect(words.slice(between.length + 4)).toEqual(['psql', '/usr/bin/env', 'PGSSLMODE=disable', ...wish.words])
})

it.skipIf(process.platform === 'win32')('gives the client its arguments and settings whole, whatever is in them', async () => {
  await terminal('xterm')
  const machine = { platform: 'linux', env: { PATH: folder }, userHome: folder } as const
  const { words } = await openInTerminal({ ...wish, words: ['/bin/sh', '-c', 'printf %s "$PGSSLMODE $0"', HOSTILE] }, machine)
  expect(execFileSync(words[2]!, words.slice(3), { encoding: 'utf8' })).toBe(`disable ${HOSTILE}`)
})

it('takes the terminal of the settings', async () => {
  const path = await terminal('my-term')
  const { words } = await openInTerminal({ ...wish, terminal: path }, { platform: 'linux', env: { PATH: '' }, userHome: folder })
  expect(words.slice(0, 3)).toEqual([path, '-e', '/bin/sh'])
})

it('says so when there is no terminal', async () => {
  const asked = openInTerminal(wish, { platform: 'linux', env: { PATH: folder }, userHome: folder })
  await expect(asked).rejects.toMatchObject({ code: 'tool/not-found' })
})

it('runs a file of macOS that quotes what a shell would read and removes itself', async () => {
  const { words, files } = await openInTerminal(wish, { platform: 'darwin', env: {}, userHome: folder })
  expect(words).toEqual(['/usr/bin/open', '-a', 'Terminal', '{folder}/connect.command'])
  expect(files[0]!.content.split('\n')).toEqual([
    '#!/bin/sh',
    'rm -f -- "$0"',
    'export PGSSLMODE=disable',
    `exec /usr/bin/psql -d 'sh$(touch x)'\\''"op; echo'`,
    '',
  ])
})

it('gives PowerShell the command in a form that no layer between reads', async () => {
  const env = { SystemRoot: 'C:\\Windows' }
  const { words } = await openInTerminal(wish, { platform: 'win32', env, userHome: folder })
  expect(words.slice(0, 4)).toEqual([
    'C:\\Windows\\System32\\conhost.exe',
    'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe',
    '-NoExit',
    '-EncodedCommand',
  ])
  expect(Buffer.from(words[4]!, 'base64').toString('utf16le')).toBe(
    `$env:PGSSLMODE = 'disable'\n/usr/bin/psql '-d' 'sh$(touch x)''"op; echo'`,
  )
})
