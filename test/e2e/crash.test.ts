import { afterAll, expect, test } from 'vitest'
import { emptyHome, namesOf, openAppUnderTest, processesOf, type AppUnderTest } from '../kit/app-under-test.ts'

const homes = [emptyHome(), emptyHome()] as const
const opened: AppUnderTest[] = []
afterAll(async () => {
  for (const { electron } of opened) await electron.close().catch(() => {})
  for (const { remove } of homes) remove()
})

test('a page that crashes is loaded again', async () => {
  const app = await openAppUnderTest(homes[0].home)
  opened.push(app)
  const again = await app.electron.evaluate(async ({ BrowserWindow }) => {
    const { webContents } = BrowserWindow.getAllWindows()[0]!
    const loaded = new Promise<string>(resolve => webContents.once('did-finish-load', () => resolve('loaded')))
    webContents.forcefullyCrashRenderer()
    await loaded
    return webContents.executeJavaScript('typeof window.portico.ask') as Promise<string>
  })
  expect(again).toBe('function')
})

test.runIf(process.platform === 'linux')('an app that is killed leaves no lab and no database behind', async () => {
  const { home } = homes[1]
  const app = await openAppUnderTest(home, ['--with-lab'])
  opened.push(app)
  await app.page.getByRole('button', { name: 'Connect orders' }).waitFor({ timeout: 45_000 })
  const before = processesOf(home, app.electron.process().pid)
  expect(namesOf(before).some(name => name.includes('portico.mjs lab'))).toBe(true)
  app.electron.process().kill('SIGKILL')
  await expect.poll(() => namesOf([...processesOf(home), ...before]), { timeout: 15_000 }).toEqual([])
})
