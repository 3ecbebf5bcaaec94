import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import type { ElectronApplication, Page } from '@playwright/test'
import { Redis } from 'ioredis'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isOnPath } from '../../electron/build/test-parts.mjs'
import type { Tunnel } from '../../shared/state.ts'
import { databaseId } from '../../shared/ids.ts'
import { accepts, emptyHome, environment, namesOf, openAppUnderTest, processesOf, type AppUnderTest } from '../kit/app-under-test.ts'
import { askApp, keepFreePort } from '../kit/ask-app.ts'
import { desktopWithTray, seenBy, watchDesktop, type Seen } from '../kit/desktop-with-tray.ts'
import { LAB_NAMES } from '../kit/lab-databases.ts'
import { shortLab, type ShortLab } from '../kit/short-lab.ts'

/** A whole working day in one piece: what a person does, in the order of a day, and what their programs see of it. */
const SESSION_SECONDS = 45
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
}, 60_000)

type OpenTunnel = Extract<Tunnel, { state: 'open' }>

/** A connection of a real program; resolves with who it is there, once it got through. */
interface Client {
  who(): Promise<string>
  end(): Promise<unknown>
}

async function connectClient({ dbProtocol, port, databaseName }: OpenTunnel): Promise<Client> {
  const database = databaseName ?? ''
  if (dbProtocol === 'mysql') {
    const client = await createConnection({ host: 'localhost', port, user: 'alice', database, connectTimeout: 60_000 })
    const who = async (): Promise<string> => {
      const [rows] = await client.query('select current_user() as who')
      return (rows as { who: string }[])[0]!.who.split('@')[0]!
    }
    return { who, end: () => client.end() }
  }
  if (dbProtocol === 'redis') {
    const client = new Redis({ host: 'localhost', port, lazyConnect: true, connectTimeout: 60_000, retryStrategy: () => null })
    client.on('error', () => {})
    await client.connect()
    return { who: async () => String(await client.call('ACL', 'WHOAMI')), end: () => client.quit() }
  }
  const client = new pg.Client({ host: 'localhost', port, user: 'alice', database })
  client.on('error', () => {})
  await client.connect()
  return { who: async () => (await client.query<{ who: string }>('select current_user as who')).rows[0]!.who, end: () => client.end() }
}

async function useOnce(tunnel: OpenTunnel): Promise<string> {
  if (tunnel.dbProtocol === 'postgres' && tunnel.url !== null && isOnPath('psql')) {
    const { stdout } = await promisify(execFile)('psql', ['-Xw', tunnel.url, '-Atc', 'select current_user'], {
      env: environment(mine.home),
    })
    return stdout.trim()
  }
  const client = await connectClient(tunnel)
  const who = await client.who()
  await client.end()
  return who
}

const tunnelsOf = async (page: Page): Promise<OpenTunnel[]> =>
  (await askApp(page, 'state.read', {})).state.tunnels.filter(tunnel => tunnel.state === 'open')

async function closeWindow(electron: ElectronApplication): Promise<void> {
  await electron.evaluate(({ BrowserWindow }) => {
    const [window] = BrowserWindow.getAllWindows()
    const closed = new Promise<void>(resolve => window!.once('closed', () => resolve()))
    window!.close()
    return closed
  })
}

/** @returns ms from the click that wants the window until what runs is on show in it */
const reopen = (electron: ElectronApplication): Promise<number> =>
  electron.evaluate(async ({ app: it, BrowserWindow }) => {
    const start = performance.now()
    it.emit('activate')
    const window = BrowserWindow.getAllWindows()[0]!
    const shown = new Promise<void>(resolve => window.once('show', () => resolve()))
    const seen = `new Promise(resolve => {
      const look = () => document.querySelector('[aria-label="Disconnect orders"]') ? resolve(true) : setTimeout(look, 5)
      look()
    })`
    await new Promise<void>(resolve => window.webContents.once('dom-ready', () => resolve()))
    await Promise.all([shown, window.webContents.executeJavaScript(seen)])
    return performance.now() - start
  })

test('a day: sign in, connect all databases, close the window, let the session end, come back, sign in once, quit', async () => {
  const { electron, page } = app
  page.setDefaultTimeout(20_000)
  const alice = LAB_NAMES.map(() => 'alice')

  // Morning: signs in, by hand.
  await page.getByLabel('Address of your cluster').fill(lab.proxy)
  await page.getByRole('button', { name: 'Continue' }).click()
  await electron.evaluate(({ dialog }, file) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [file] })
  }, lab.caFile)
  await page.getByRole('button', { name: 'Choose a file to trust…' }).click()
  await page.getByLabel('User name').fill('alice')
  await page.getByLabel('Password').fill(lab.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Connect orders' }).waitFor({ timeout: 30_000 })

  // Connects everything, and works.
  for (const name of LAB_NAMES) await keepFreePort(page, databaseId('lab', name))
  for (const name of LAB_NAMES) await page.getByRole('button', { name: `Connect ${name}`, exact: true }).click()
  for (const name of LAB_NAMES) await page.getByRole('button', { name: `Disconnect ${name}`, exact: true }).waitFor()
  const tunnels = await tunnelsOf(page)
  expect(tunnels.map(({ name }) => name).toSorted()).toEqual(LAB_NAMES)
  const clients = await Promise.all(tunnels.map(connectClient))
  expect(await Promise.all(clients.map(client => client.who()))).toEqual(alice)

  // Closes the window: what is connected stays so, and new connections are taken.
  await closeWindow(electron)
  expect(await Promise.all(clients.map(client => client.who()))).toEqual(alice)
  expect(await Promise.all(tunnels.map(useOnce))).toEqual(alice)
  await Promise.all(clients.map(client => client.end()))

  // Lunch: the session ends. What comes then is held, and said once.
  await expect
    .poll(async () => (await seenBy(electron)).menu[0], { timeout: (SESSION_SECONDS + 15) * 1_000 })
    .toBe('Your session ended: sign in…')
  let through = 0
  const held = tunnels.map(tunnel => useOnce(tunnel).finally(() => through++))
  await expect.poll(async () => (await seenBy(electron)).menu[0]).toBe(`Sign in: ${tunnels.length} connections waiting…`)
  expect((await seenBy(electron)).notes.filter(title => title.startsWith('Sign in'))).toEqual(['Sign in to lab'])
  expect(through).toBe(0)

  // Comes back: the window is there at once, with what runs. The machine may be busy with something else for once.
  const times = [await reopen(electron)]
  while (Math.min(...times) >= 500 && times.length < 4) {
    await closeWindow(electron)
    times.push(await reopen(electron))
  }
  expect(Math.min(...times), `${times.map(ms => ms.toFixed(0)).join(', ')} ms`).toBeLessThan(500)
  const again = electron.windows().at(-1)!
  expect((await tunnelsOf(again)).map(({ id, port }) => [id, port])).toEqual(tunnels.map(({ id, port }) => [id, port]))

  // Signs in once: all of it goes on.
  await again.getByText(new RegExp(`${tunnels.length} connections on ${tunnels.length} tunnels are waiting`)).waitFor()
  await again.getByRole('button', { name: 'Sign in', exact: true }).first().click()
  const dialog = again.getByRole('dialog')
  await dialog.getByLabel('Password').fill(lab.password)
  await dialog.getByRole('button', { name: 'Sign in' }).click()
  expect(await Promise.all(held)).toEqual(alice)
  await again.getByText(/Your session ended/).waitFor({ state: 'hidden' })
  expect((await seenBy(electron)).notes.filter(title => title.startsWith('Sign in'))).toHaveLength(1)

  // Evening: quits, from the tray. Nobody is connected any more, so nothing is asked; and nothing is left.
  await expect.poll(async () => (await tunnelsOf(again)).reduce((sum, { connections }) => sum + connections, 0)).toBe(0)
  const sockets = tunnels.flatMap(({ socket }) => socket ?? [])
  const before = processesOf(mine.home, electron.process().pid)
  const ended = once(electron.process(), 'exit')
  await electron.evaluate(() => {
    const { menu } = (globalThis as unknown as { seen: Seen }).seen
    setTimeout(() => menu.find(({ label }) => label?.startsWith('Quit') === true)!.click!(), 50)
  })
  expect(await ended).toEqual([0, null])
  await expect.poll(() => namesOf([...processesOf(mine.home), ...before]), { timeout: 3_000 }).toEqual([])
  for (const { port } of tunnels) expect(await Promise.all([accepts(port), accepts(port, '::1')])).toEqual([false, false])
  expect(sockets.filter(path => existsSync(path))).toEqual([])
}, 240_000)
