import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type {} from '../../renderer/bridge.ts'
import { databaseId } from '../../shared/ids.ts'
import { emptyHome, openAppUnderTest, type AppUnderTest } from '../kit/app-under-test.ts'
import { askApp, keepFreePort } from '../kit/ask-app.ts'
import { clickTray, desktopWithTray, seenBy, watchDesktop } from '../kit/desktop-with-tray.ts'

/** A desktop with a tray: what its menu holds, and what a click there does. */
const { home, remove } = emptyHome()
const desktop = desktopWithTray()
const ORDERS = databaseId('lab', 'orders')
let app: AppUnderTest

beforeAll(async () => {
  app = await openAppUnderTest(home, ['--with-lab'], desktop.env)
  await watchDesktop(app.electron)
  await app.page.getByRole('button', { name: 'Connect orders' }).waitFor({ timeout: 60_000 })
  await keepFreePort(app.page, ORDERS)
}, 120_000)
afterAll(async () => {
  await app.electron.close().catch(() => {})
  remove()
  desktop.remove()
})

const labels = async (): Promise<string[]> => (await seenBy(app.electron)).menu
const click = (start: string): Promise<void> => clickTray(app.electron, start)
const windows = () => app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)

test('a favourite is toggled in the tray, and its address is copied with a click', async () => {
  await askApp(app.page, 'favourite.set', { resource: ORDERS, on: true })
  await expect.poll(labels).toEqual(['Favourites', '[ ] orders', 'Open Portico', 'Quit Portico'])
  await click('orders')
  await app.page.getByRole('button', { name: 'Disconnect orders' }).waitFor()
  await expect
    .poll(labels)
    .toEqual(['Running', expect.stringMatching(/^orders {2}localhost:\d+$/), 'Favourites', '[x] orders', 'Open Portico', 'Quit Portico'])
  const address = (await labels())[1]!.split('  ')[1]!
  await click('orders  ')
  expect(await app.electron.evaluate(({ clipboard }) => clipboard.readText())).toBe(address)
})

test('the window goes and comes from the tray; the first time a notification says that the app stays', async () => {
  await app.page.close()
  await expect.poll(async () => (await seenBy(app.electron)).notes).toEqual(['Portico keeps running'])
  expect(await windows()).toBe(0)
  const [page] = await Promise.all([app.electron.waitForEvent('window'), click('Open Portico')])
  await page.getByRole('button', { name: 'Disconnect orders' }).waitFor()
  app = { ...app, page }
})

test('quitting asks while a connection is open, and only then', async () => {
  const port = Number((await labels())[1]!.split(':')[1])
  const client = new pg.Client({ host: 'localhost', port, user: 'alice', database: 'shop' })
  await client.connect()
  const connections = () =>
    app.page.evaluate(async () => {
      const reply = await window.portico!.ask('state.read', {})
      const tunnel = reply.ok ? reply.value.state.tunnels[0] : undefined
      return tunnel?.state === 'open' ? tunnel.connections : undefined
    })
  await expect.poll(connections).toBe(1)
  await click('Quit')
  await expect.poll(async () => (await seenBy(app.electron)).boxes).toEqual([expect.stringMatching(/^Quit Portico and end 1 connection\?/)])
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await client.end()
  await expect.poll(connections).toBe(0)
})

test('settings act on the desktop: theme at once, login item in the autostart folder', async () => {
  await askApp(app.page, 'settings.write', { theme: 'dark', startAtLogin: true, startHidden: true })
  await expect.poll(() => app.electron.evaluate(({ nativeTheme }) => nativeTheme.themeSource)).toBe('dark')
  if (process.platform !== 'linux') return
  const folder = join(desktop.config, 'autostart')
  await expect.poll(() => existsSync(folder) && readdirSync(folder)).toEqual([expect.stringMatching(/^portico-\w+\.desktop$/)])
  const text = readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')
  expect(text).toMatch(/^Exec=env "PORTICO_HOME=.+" .*electron.* --hidden$/m)
  await askApp(app.page, 'settings.write', { startAtLogin: false, theme: 'system' })
  await expect.poll(() => readdirSync(folder)).toEqual([])
})

test('without a window the tray still quits, at once when nothing is connected', async () => {
  const ended = new Promise(resolve => app.electron.process().once('exit', resolve))
  await app.page.close()
  await expect.poll(windows).toBe(0)
  await click('Quit')
  expect(await ended).toBe(0)
})
