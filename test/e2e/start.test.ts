import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { ElectronApplication } from '@playwright/test'
import { emptyHome, environment, launchApp, ROOT } from '../kit/app-under-test.ts'

/** The ways in which the app is started: hidden, by a link, with settings that somebody broke. */
const homes = [emptyHome(), emptyHome(), emptyHome()] as const
const opened: ElectronApplication[] = []
afterAll(async () => {
  for (const electron of opened) await electron.close().catch(() => {})
  for (const { remove } of homes) remove()
})

const open = async (home: string, ...args: string[]): Promise<ElectronApplication> => {
  const electron = await launchApp(home, args)
  opened.push(electron)
  return electron
}
const urls = (electron: ElectronApplication) =>
  electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map(({ webContents }) => webContents.getURL()))
async function startAgain(home: string, ...args: string[]): Promise<void> {
  const program = opened[0]!.process().spawnfile
  const flags = [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', ROOT]
  const child = spawn(program, [...flags, ...args], { cwd: ROOT, env: environment(home), stdio: 'ignore' })
  expect(await once(child, 'exit')).toEqual([0, null])
}
/** The last thing that a start does is to answer; the window would have been opened before. */
const settled = (electron: ElectronApplication) => electron.evaluate(() => new Promise(resolve => setTimeout(resolve, 1_000)))

test('a hidden start shows no window, nor does another one; an ordinary one opens it', async () => {
  const electron = await open(homes[0].home, '--hidden')
  await settled(electron)
  expect(await urls(electron)).toEqual([])
  await startAgain(homes[0].home, '--hidden')
  expect(await urls(electron)).toEqual([])
  const [page] = await Promise.all([electron.waitForEvent('window'), startAgain(homes[0].home)])
  await page.getByRole('heading', { name: 'Connect to your cluster' }).waitFor()
})

test('a link opens the window at its resource and connects to nothing; a wrong one only opens the window', async () => {
  const electron = await open(homes[1].home, 'portico://open/db/orders?cluster=lab')
  await electron.firstWindow()
  await expect.poll(() => urls(electron)).toEqual(['portico://window/index.html#/db/orders?cluster=lab'])
  await startAgain(homes[1].home, 'portico://open/db/metrics')
  await expect.poll(() => urls(electron)).toEqual(['portico://window/index.html#/db/metrics'])
  for (const wrong of ['portico://open/db/a?connect=now', 'portico://window/other.html', 'portico://open/node/x'])
    await startAgain(homes[1].home, wrong)
  expect(await urls(electron)).toEqual(['portico://window/index.html#/db/metrics'])
  expect(electron.windows()).toHaveLength(1)
  const log = readFileSync(join(homes[1].home, 'logs', 'portico.log'), 'utf8')
  expect(log).not.toMatch(/tunnel\.|login\./)
})

test('settings broken by hand are named with their line and left alone, and the app starts', async () => {
  const { home } = homes[2]
  const text = '# mine\ntheme: dark\ngroupBy: [env\n'
  writeFileSync(join(home, 'settings.yaml'), text)
  const electron = await open(home)
  const page = await electron.firstWindow()
  const read = (question: 'state.read' | 'settings.write', ask: Record<string, unknown>) =>
    page.evaluate(([q, a]) => window.portico!.ask(q as 'state.read', a as Record<string, never>), [question, ask] as const)
  await page.getByRole('heading', { name: 'Connect to your cluster' }).waitFor()
  expect(await read('state.read', {})).toMatchObject({
    ok: true,
    value: {
      state: {
        settings: { theme: 'system' },
        notices: [{ text: expect.stringMatching(/^Line [34] of settings\.yaml is wrong: /) as string }],
      },
    },
  })
  expect(await read('settings.write', { theme: 'light' })).toMatchObject({ ok: false, failure: { code: 'state/unwritable' } })
  expect(readFileSync(join(home, 'settings.yaml'), 'utf8')).toBe(text)
})
