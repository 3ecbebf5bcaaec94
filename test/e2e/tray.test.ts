import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Page } from '@playwright/test'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type {} from '../../renderer/bridge.ts'
import type { Ask, Question } from '../../shared/contract.ts'
import { databaseId } from '../../shared/ids.ts'
import { emptyHome, openAppUnderTest, type AppUnderTest } from '../kit/app-under-test.ts'

/** A desktop with a tray: what its menu holds, and what a click there does. Menus cannot be clicked here, so their templates are. */
const { home, remove } = emptyHome()
const config = mkdtempSync(join(tmpdir(), 'portico desktop '))
/** Answers that somebody shows tray icons, as the bus of a desktop would. */
const bus = join(config, 'bin')
let app: AppUnderTest

beforeAll(async () => {
  mkdirSync(bus)
  writeFileSync(join(bus, 'gdbus'), '#!/bin/sh\necho "(true,)"\n')
  chmodSync(join(bus, 'gdbus'), 0o755)
  app = await openAppUnderTest(home, ['--with-lab'], {
    PATH: `${bus}${delimiter}${process.env['PATH'] ?? ''}`,
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus',
    XDG_CONFIG_HOME: config,
  })
  await app.electron.evaluate(({ Menu, Notification, dialog }) => {
    const seen: Seen = { menu: [], notes: [], boxes: [] }
    Object.assign(globalThis, { seen })
    const build = Menu.buildFromTemplate.bind(Menu)
    Menu.buildFromTemplate = template => {
      seen.menu = template as Seen['menu']
      return build(template)
    }
    Notification.isSupported = () => true
    Notification.prototype.show = function show(this: Electron.Notification) {
      seen.notes.push(this)
    }
    dialog.showMessageBox = ((options: { message: string }) => {
      seen.boxes.push(options.message)
      return Promise.resolve({ response: 1, checkboxChecked: false })
    }) as unknown as typeof dialog.showMessageBox
  })
  await app.page.getByRole('button', { name: 'Connect orders' }).waitFor({ timeout: 60_000 })
}, 120_000)
afterAll(async () => {
  await app.electron.close().catch(() => {})
  remove()
  rmSync(config, { recursive: true, force: true })
})

interface Seen {
  menu: { label?: string; checked?: boolean; click?: () => void }[]
  notes: { title: string; emit(event: string): void }[]
  boxes: string[]
}

const labels = () =>
  app.electron.evaluate(() =>
    (globalThis as unknown as { seen: Seen }).seen.menu.flatMap(({ label, checked }) =>
      label === undefined ? [] : [checked === undefined ? label : `${checked ? '[x]' : '[ ]'} ${label}`],
    ),
  )
const click = (start: string) =>
  app.electron.evaluate((_electron, wanted) => {
    const { menu } = (globalThis as unknown as { seen: Seen }).seen
    menu.find(({ label, click: act }) => label?.startsWith(wanted) === true && act !== undefined)!.click!()
  }, start)
const seen = () =>
  app.electron.evaluate(() => {
    const { notes, boxes } = (globalThis as unknown as { seen: Seen }).seen
    return { notes: notes.map(({ title }) => title), boxes }
  })
async function ask<Q extends Question>(page: Page, question: Q, what: Ask<Q>): Promise<void> {
  const reply = await page.evaluate(([q, a]) => window.portico!.ask(q as 'state.read', a as Record<string, never>), [
    question,
    what,
  ] as const)
  expect(reply).toMatchObject({ ok: true })
}
const windows = () => app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)

test('a favourite is toggled in the tray, and its address is copied with a click', async () => {
  await ask(app.page, 'favourite.set', { resource: databaseId('lab', 'orders'), on: true })
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
  await expect.poll(async () => (await seen()).notes).toEqual(['Portico keeps running'])
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
  await expect.poll(async () => (await seen()).boxes).toEqual(['Quit Portico and end 1 connection?'])
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await client.end()
  await expect.poll(connections).toBe(0)
})

test('settings act on the desktop: theme at once, login item in the autostart folder', async () => {
  await ask(app.page, 'settings.write', { theme: 'dark', startAtLogin: true, startHidden: true })
  await expect.poll(() => app.electron.evaluate(({ nativeTheme }) => nativeTheme.themeSource)).toBe('dark')
  if (process.platform !== 'linux') return
  const folder = join(config, 'autostart')
  await expect.poll(() => existsSync(folder) && readdirSync(folder)).toEqual([expect.stringMatching(/^portico-\w+\.desktop$/)])
  const text = readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')
  expect(text).toMatch(/^Exec=env "PORTICO_HOME=.+" .*electron.* --hidden$/m)
  await ask(app.page, 'settings.write', { startAtLogin: false, theme: 'system' })
  await expect.poll(() => readdirSync(folder)).toEqual([])
})

test('without a window the tray still quits, at once when nothing is connected', async () => {
  const ended = new Promise(resolve => app.electron.process().once('exit', resolve))
  await app.page.close()
  await expect.poll(windows).toBe(0)
  await click('Quit')
  expect(await ended).toBe(0)
})
