import { lstatSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Home } from '../../../electron/state/home.ts'
import { openSettings, type SettingsFile } from '../../../electron/state/settings.ts'
import { readSettings, settingsSchema, writeSettings } from '../../../electron/state/settings-text.ts'
import { DEFAULT_SETTINGS } from '../../../shared/state.ts'
import { temporaryHome } from './temporary-home.ts'

let home: Home
const opened: SettingsFile[] = []
beforeEach(() => {
  home = temporaryHome()
})
afterEach(() => {
  for (const settings of opened.splice(0)) settings.close()
})
async function open(): Promise<SettingsFile> {
  const settings = await openSettings(home)
  opened.push(settings)
  return settings
}
const onDisk = (): string => readFileSync(home.settingsFile, 'utf8')
/** As editors save: a new file takes the name. */
function save(text: string): void {
  writeFileSync(`${home.settingsFile}~`, text)
  renameSync(`${home.settingsFile}~`, home.settingsFile)
}

test('settings start with their defaults and come back as they were written, the schema named and beside them', async () => {
  const settings = await open()
  expect(settings.value).toEqual(DEFAULT_SETTINGS)
  expect(settings.notice).toBeUndefined()
  expect(await settings.write({ theme: 'dark', groupBy: 'env' })).toEqual({ ...DEFAULT_SETTINGS, theme: 'dark', groupBy: 'env' })
  expect((await open()).value).toEqual(settings.value)
  expect(onDisk()).toMatch(/^# yaml-language-server: \$schema=\.\/settings\.schema\.json\n[^]*\ntheme: dark\ngroupBy: env\n$/)
  expect(readFileSync(join(home.root, 'settings.schema.json'), 'utf8')).toBe(settingsSchema())
  expect(lstatSync(home.settingsFile).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o600)
})

test('the schema in assets is the one that the settings are held against', () => {
  expect(readFileSync(new URL('../../../assets/settings.schema.json', import.meta.url), 'utf8')).toBe(settingsSchema())
})

test('a key is written without touching comments, order or keys of another version', () => {
  const text = '# mine\n\nnewer: [1, 2] # kept\ntheme: dark   # at night\n\n# the end\n'
  expect(writeSettings(text, { theme: 'light', terminal: 'a: #b' })).toBe(
    '# mine\n\nnewer: [ 1, 2 ] # kept\ntheme: light # at night\nterminal: "a: #b"\n\n# the end\n',
  )
})

test('what an editor saves counts at once, and what we wrote ourselves is told once', async () => {
  const settings = await open()
  const heard = vi.fn<() => void>()
  settings.onChange(heard)
  save('theme: light\nstartHidden: true\n')
  await vi.waitFor(() => expect(settings.value).toEqual({ ...DEFAULT_SETTINGS, theme: 'light', startHidden: true }), 4_000)
  save('theme: light\n')
  await vi.waitFor(() => expect(settings.value).toEqual({ ...DEFAULT_SETTINGS, theme: 'light' }), 4_000)
  heard.mockClear()
  await settings.write({ theme: 'dark' })
  await new Promise(done => setTimeout(done, 100))
  expect(heard).toHaveBeenCalledTimes(1)
})

test('a file broken by hand keeps the last good settings, names the line, and is not written over', async () => {
  save('theme: dark\n')
  const settings = await open()
  const heard = vi.fn<() => void>()
  settings.onChange(heard)
  const text = '# all mine\ntheme: light\ngroupBy: [env\n'
  save(text)
  await vi.waitFor(() => expect(settings.notice?.text).toMatch(/^Line [34] of settings\.yaml is wrong: /), 4_000)
  expect(settings.value.theme).toBe('dark')
  expect(heard).toHaveBeenCalled()
  await expect(settings.write({ theme: 'system' })).rejects.toMatchObject({
    code: 'state/unwritable',
    facts: { why: expect.stringMatching(/^line [34] of settings\.yaml is wrong/) as string },
  })
  expect(onDisk()).toBe(text)
  save('# all mine\ntheme: light\n')
  await vi.waitFor(() => expect(settings.notice).toBeUndefined(), 4_000)
  expect(settings.value.theme).toBe('light')
})

test('one wrong value costs that key only: its last good value stays and the rest counts', async () => {
  save('theme: dark\n')
  const settings = await open()
  save('startHidden: true\n\ntheme: pink\nrestoreTunels: false\n')
  await vi.waitFor(() => expect(settings.value.startHidden).toBe(true), 4_000)
  expect(settings.value).toMatchObject({ theme: 'dark', startHidden: true, restoreTunnels: true })
  expect(settings.notice?.text).toMatch(/^Line 3 of settings\.yaml is wrong: theme must be system, light or dark \(also wrong: line 4\)/)
  await settings.write({ notifications: false })
  expect(onDisk()).toContain('theme: pink')
  expect(settings.value).toMatchObject({ theme: 'dark', notifications: false })
  await settings.write({ theme: 'light' })
  expect(settings.notice?.text).toMatch(/^Line 4 of settings\.yaml is wrong: there is no setting "restoreTunels"/)
})

test.each([
  ['- a\n- b\n', 1],
  ['theme: dark\n\tbad: 1\n', 2],
  ['theme: "dark\n', 2],
  ['\ntheme: dark\ntheme: light\n', 3],
  ['a: b: c\n', 1],
  ['theme: *nobody\n', 1],
  ['theme: dark\n---\ntheme: light\n', 2],
  ['\0\u0001', 1],
  ['null\n', 1],
  ['{', 1],
  ['x: &a [*a, *a]\n', 1],
  ['# bomb\na: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]\n', 3],
])('%j is refused as a whole, at line %d', (text, line) => {
  expect(readSettings(text)).toMatchObject({ broken: true, given: {}, faults: [{ line }] })
})

test.each(['', '\n\n', '# only words\n', '{}\n'])('%j is a file without settings', text => {
  expect(readSettings(text)).toEqual({ given: {}, wrong: [], faults: [], broken: false })
})

test.each([
  'theme: [dark]\n',
  'startHidden: yes please\n',
  'groupBy: {a: 1}\n',
  'terminal: 7\n',
  '1: 2\n',
  '[a, b]: c\n',
  '__proto__: {theme: dark}\n',
  'constructor: 1\n',
])('%j is named as wrong and changes nothing', text => {
  const { given, faults } = readSettings(text)
  expect(given).toEqual({})
  expect(faults[0]).toMatchObject({ line: 1 })
})

test('a file that is too large or no file at all leaves the settings as they were', async () => {
  save('theme: dark\n')
  const settings = await open()
  save(`# ${'x'.repeat(300_000)}\n`)
  await vi.waitFor(() => expect(settings.notice?.text).toMatch(/could not be read: it is larger than/), 4_000)
  expect(settings.value.theme).toBe('dark')
})

test.skipIf(process.platform === 'win32')('a settings file that is a link stays one', async () => {
  const elsewhere = join(dirname(home.root), 'dotfiles')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'portico.yaml'), 'theme: dark\n')
  symlinkSync(join(elsewhere, 'portico.yaml'), home.settingsFile)
  const settings = await open()
  await settings.write({ startHidden: true })
  expect(lstatSync(home.settingsFile).isSymbolicLink()).toBe(true)
  expect(readFileSync(join(elsewhere, 'portico.yaml'), 'utf8')).toBe('theme: dark\nstartHidden: true\n')
})

test('two processes that write at once lose nothing of each other', async () => {
  const [one, other] = [await open(), await open()]
  await Promise.all([
    one.write({ theme: 'dark' }),
    other.write({ groupBy: 'team' }),
    one.write({ startHidden: true }),
    other.write({ notifications: false }),
  ])
  expect((await open()).value).toEqual({ ...DEFAULT_SETTINGS, theme: 'dark', groupBy: 'team', startHidden: true, notifications: false })
})
