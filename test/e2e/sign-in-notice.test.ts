import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type {} from '../../renderer/bridge.ts'
import { databaseId } from '../../shared/ids.ts'
import { emptyHome, openAppUnderTest, type AppUnderTest } from '../kit/app-under-test.ts'
import { askApp } from '../kit/ask-app.ts'
import { clickTray, desktopWithTray, seenBy, watchDesktop, type Seen } from '../kit/desktop-with-tray.ts'
import { shortLab, type ShortLab } from '../kit/short-lab.ts'

/** The session ends while nobody looks: one notification, whatever waits, and one sign-in lets all of it go on. */
const SESSION_SECONDS = 12
const [mine, clusters] = [emptyHome(), emptyHome()]
const desktop = desktopWithTray()
let lab: ShortLab
let app: AppUnderTest

beforeAll(async () => {
  lab = await shortLab(clusters.home, SESSION_SECONDS)
  app = await openAppUnderTest(mine.home, [], desktop.env)
  await watchDesktop(app.electron)
}, 120_000)
afterAll(async () => {
  await app.electron.close().catch(() => {})
  await lab.stop()
  for (const { remove } of [mine, clusters, desktop]) remove()
})

async function query(port: number): Promise<unknown> {
  const client = new pg.Client({ host: 'localhost', port, user: 'alice', database: 'shop' })
  await client.connect()
  const { rows } = await client.query('select current_user as who')
  await client.end()
  return rows[0]
}
const signIn = (page: Page) => askApp(page, 'login.submit', { proxy: lab.proxy, user: 'alice', password: lab.password })

test('one notification for many connections; its click opens the window, and one sign-in lets all of them go on', async () => {
  const { electron, page } = app
  await electron.evaluate(({ dialog }, file) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [file] })
  }, lab.caFile)
  expect(await askApp(page, 'trust.choose', { proxy: lab.proxy })).toEqual({ chosen: true })
  await signIn(page)
  const ports: number[] = []
  await page.getByRole('button', { name: 'Connect orders' }).waitFor()
  for (const name of ['orders', 'metrics']) {
    const tunnel = await askApp(page, 'tunnel.start', {
      resource: databaseId('lab', name),
      databaseUser: 'alice',
      databaseName: 'shop',
      port: 0,
    })
    if (tunnel.state === 'open') ports.push(tunnel.port)
  }
  await page.close()
  await expect.poll(async () => (await seenBy(electron)).menu, { timeout: 30_000 }).toContain('Your session ended: sign in…')

  const held = Array.from({ length: 6 }, () => query(ports[0]!))
  await expect.poll(async () => (await seenBy(electron)).menu[0]).toBe('Sign in: 6 connections waiting…')
  expect((await seenBy(electron)).notes.filter(title => title.startsWith('Sign in'))).toEqual(['Sign in to lab'])
  expect(await electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(0)

  const [again] = await Promise.all([
    electron.waitForEvent('window'),
    electron.evaluate(() => {
      const { notes } = (globalThis as unknown as { seen: Seen }).seen
      notes.find(({ title }) => title.startsWith('Sign in'))!.emit('click')
    }),
  ])
  await again.waitForFunction(() => window.portico !== undefined)
  await signIn(again)
  expect(await Promise.all(held)).toEqual(held.map(() => ({ who: 'alice' })))
  await expect.poll(async () => (await seenBy(electron)).menu[0]).toBe('Running')
  app = { ...app, page: again }
})

test('the log is saved where the person says, without the password', async () => {
  const { electron, page } = app
  const target = join(mine.home, 'saved log.txt')
  await electron.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath })
  }, target)
  expect(await askApp(page, 'log.export', {})).toEqual({ saved: true })
  const text = readFileSync(target, 'utf8')
  expect(text).toMatch(/^Log of Portico \d+\.\d+\.\d+, Electron /)
  expect(text).toMatch(/ info {2}login\.done \{"proxy":/)
  expect(text).not.toContain(lab.password)
  await electron.evaluate(({ dialog }) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: true, filePath: '' })
  })
  expect(await askApp(page, 'log.export', {})).toEqual({ saved: false })
  await electron.evaluate(({ dialog }) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: '/nonexistent/folder/log.txt' })
  })
  await expect(askApp(page, 'log.export', {})).rejects.toThrow(/state\/unwritable.*ENOENT/)
  await clickTray(electron, 'orders')
})
