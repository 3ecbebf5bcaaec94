import { spawn } from 'node:child_process'
import { once } from 'node:events'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import type { Page } from '@playwright/test'
import type {} from '../../renderer/bridge.ts'
import { databaseId } from '../../shared/ids.ts'
import { emptyHome, environment, openAppUnderTest, ROOT, type AppUnderTest } from '../kit/app-under-test.ts'
import { keepFreePort } from '../kit/ask-app.ts'
import { DESKTOP_WITHOUT_TRAY, seenBy, watchDesktop } from '../kit/desktop-with-tray.ts'

/** A desktop that shows no tray icons: what closing the window does there. */
const { home, remove } = emptyHome()
let app: AppUnderTest
afterAll(async () => {
  await app.electron.close().catch(() => {})
  remove()
})

async function closeWindow(): Promise<void> {
  await app.electron.evaluate(({ BrowserWindow }) => {
    const [window] = BrowserWindow.getAllWindows()
    const closed = new Promise<void>(resolve => window!.once('closed', () => resolve()))
    window!.close()
    return closed
  })
}

async function query(port: number): Promise<unknown> {
  const client = new pg.Client({ host: 'localhost', port, user: 'alice', database: 'shop' })
  await client.connect()
  const { rows } = await client.query('select current_user as who')
  await client.end()
  return rows
}

const tunnelsOf = (page: Page) =>
  page.evaluate(async () => {
    const reply = await window.portico!.ask('state.read', {})
    return reply.ok ? reply.value.state.tunnels.map(tunnel => ({ id: tunnel.id, port: 'port' in tunnel ? tunnel.port : 0 })) : []
  })

test('closing the window keeps the tunnels and says so the first time', async () => {
  app = await openAppUnderTest(home, ['--with-lab'], DESKTOP_WITHOUT_TRAY)
  const connect = app.page.getByRole('button', { name: 'Connect orders' })
  await connect.waitFor({ timeout: 60_000 })
  await keepFreePort(app.page, databaseId('lab', 'orders'))
  await connect.click()
  await app.page.getByRole('button', { name: 'Disconnect orders' }).waitFor()
  const before = await tunnelsOf(app.page)
  await watchDesktop(app.electron)
  await closeWindow()
  const said = async (): Promise<string[]> => (await seenBy(app.electron)).boxes
  await expect.poll(said).toEqual([expect.stringMatching(/^Portico keeps running\n1 tunnel stays open\. This desktop shows no tray icons/)])
  expect(await query(before[0]!.port)).toEqual([{ who: 'alice' }])

  const [page] = await Promise.all([app.electron.waitForEvent('window'), app.electron.evaluate(({ app: it }) => it.emit('activate'))])
  await page.getByRole('button', { name: 'Disconnect orders' }).waitFor()
  expect(await tunnelsOf(page)).toEqual(before)
  await closeWindow()
  await new Promise(done => setTimeout(done, 300))
  expect(await said()).toHaveLength(1)
})

test('a second start brings the window back', async () => {
  const program = app.electron.process().spawnfile
  const args = [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', ROOT]
  const opened = app.electron.waitForEvent('window')
  const second = spawn(program, args, { cwd: ROOT, env: { ...environment(home), ...DESKTOP_WITHOUT_TRAY }, stdio: 'ignore' })
  expect(await once(second, 'exit')).toEqual([0, null])
  await (await opened).getByRole('button', { name: 'Disconnect orders' }).waitFor()
})

/** How long an empty page takes on this runtime when the machine does nothing else, ms. */
const CALM_EMPTY_MS = 150

test('the window is back within half a second, with what runs on show', async () => {
  const rounds: { back: number; empty: number }[] = []
  const isQuick = ({ back, empty }: { back: number; empty: number }): boolean => back < 500 * Math.max(1, empty / CALM_EMPTY_MS)
  while (rounds.length < 8 && !rounds.some(isQuick)) {
    await closeWindow()
    rounds.push(
      await app.electron.evaluate(async ({ app: it, BrowserWindow }) => {
        const loaded = (window: Electron.BrowserWindow) =>
          new Promise<void>(resolve => window.webContents.once('dom-ready', () => resolve()))
        const start = performance.now()
        it.emit('activate')
        const window = BrowserWindow.getAllWindows()[0]!
        const shown = new Promise<void>(resolve => window.once('show', () => resolve()))
        const seen = `new Promise(resolve => {
          const look = () => document.querySelector('[aria-label="Disconnect orders"]') ? resolve(true) : setTimeout(look, 5)
          look()
        })`
        await loaded(window)
        await Promise.all([shown, window.webContents.executeJavaScript(seen)])
        const back = performance.now() - start
        // What the machine is good for at this moment: others may be busy on it.
        const again = performance.now()
        const control = new BrowserWindow({ show: false })
        const empty = loaded(control)
        void control.loadURL('portico://window/none.html').catch(() => {})
        await empty
        control.destroy()
        return { back, empty: performance.now() - again }
      }),
    )
  }
  expect(rounds.some(isQuick), rounds.map(({ back, empty }) => `${back.toFixed(0)} (empty ${empty.toFixed(0)}) ms`).join(', ')).toBe(true)
})

test('without a tunnel nothing keeps the app: the last one to end takes it along', async () => {
  const ended = once(app.electron.process(), 'exit')
  const opened = await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)
  expect(opened).toBe(1)
  const page = app.electron.windows()[0]!
  await page.getByRole('button', { name: 'Disconnect orders' }).click()
  await page.getByRole('button', { name: 'Connect orders' }).waitFor()
  await page.close()
  expect(await ended).toEqual([0, null])
})
