import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { openApp, type App } from '../../../electron/app/open-app.ts'
import { openLog } from '../../../electron/log/open-log.ts'
import { openHome, type Home } from '../../../electron/state/home.ts'
import { databaseId } from '../../../shared/ids.ts'
import { AppStateShape, type AppState } from '../../../shared/state.ts'
import { LAB_NAMES } from '../../kit/lab-databases.ts'

const ROOT_NAMES = LAB_NAMES.map(name => `lab/${name}`)

/** What a person chooses and finds again: the cluster on show, favourites, settings. On a root with a leaf, of another process. */
const built = (path: string): URL => new URL(`../../../out/${path}`, import.meta.url)
const folders = [mkdtempSync(join(tmpdir(), 'portico choices ')), mkdtempSync(join(tmpdir(), 'portico lab '))] as const
const environment = (home: string) => ({ ...process.env, PORTICO_HOME: home, PORTICO_KEYRING: 'off' })
const TICKETS = databaseId('lab', 'tickets', 'branch')
const ORDERS = databaseId('lab', 'orders')

let lab: ChildProcess
let ready: { proxy: string; caFile: string; password: string }
let home: Home
let app: App
let shown: AppState

async function open(): Promise<void> {
  const log = openLog({ folder: home.logs })
  const portico = { exec: process.execPath, args: [fileURLToPath(built('cli/portico.mjs'))], env: {} }
  app = await openApp({
    home,
    log,
    workerFile: built('engine/worker.mjs'),
    threads: 1,
    portico,
    engine: { host: 'app', version: 'test' },
    onStop() {},
  })
  shown = (await app.answers['state.read']({})).state
  app.onChange(({ slices }) => {
    shown = { ...shown, ...slices } as AppState
  })
}
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 15_000, interval: 30 })
const names = (): string[] => shown.databases.items.map(({ cluster, name }) => `${cluster}/${name}`)

beforeAll(async () => {
  process.env['PORTICO_KEYRING'] = 'off'
  home = openHome(environment(folders[0]), process.platform)
  const args = ['lab', '--full', '--listen', '127.0.0.1:0', '--json']
  lab = spawn(process.execPath, [fileURLToPath(built('cli/portico.mjs')), ...args], {
    env: environment(folders[1]),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  for await (const line of createInterface({ input: lab.stdout! })) {
    ready = JSON.parse(line)
    break
  }
  await open()
  await app.trustFile(ready.proxy, ready.caFile)
  await app.answers['login.submit']({ proxy: ready.proxy, user: 'alice', password: ready.password })
}, 120_000)

afterAll(async () => {
  await app.close()
  lab.kill('SIGTERM')
  if (lab.exitCode === null) await once(lab, 'exit')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}, 30_000)

it('shows the root at once and the leaf when the proxy told it', async () => {
  await until(() => expect(names()).toEqual(ROOT_NAMES))
  await vi.waitFor(
    async () => {
      await app.answers['databases.refresh']({})
      expect(shown.clusters).toEqual([
        { name: 'lab', root: true, online: true, current: true },
        { name: 'branch', root: false, online: true, current: false },
      ])
    },
    { timeout: 20_000, interval: 300 },
  )
  expect(AppStateShape.safeParse(shown).error).toBeUndefined()
}, 40_000)

it('lists the databases of a leaf that was chosen, and a tunnel to one of them works', async () => {
  await app.answers['cluster.use']({ cluster: 'branch' })
  expect(names()).toEqual(['branch/tickets'])
  expect(shown.clusters.map(({ name, current }) => [name, current])).toEqual([
    ['lab', false],
    ['branch', true],
  ])
  const tunnel = await app.answers['tunnel.start']({ resource: TICKETS, databaseUser: 'alice', port: 0 })
  if (tunnel.state !== 'open') throw new Error(tunnel.state)
  const client = new pg.Client({ host: 'localhost', port: tunnel.port, user: 'alice', database: 'shop' })
  await client.connect()
  expect((await client.query('select current_user as who')).rows).toEqual([{ who: 'alice' }])
  await client.end()
}, 30_000)

it('refuses a cluster that nobody knows, and nothing changes', async () => {
  const before = structuredClone(shown)
  await expect(app.answers['cluster.use']({ cluster: 'nosuch' })).rejects.toMatchObject({ code: 'resource/not-found' })
  await expect(app.answers['cluster.use']({ cluster: '../lab' })).rejects.toMatchObject({ code: 'resource/not-found' })
  expect({ ...shown, tunnels: [] }).toEqual({ ...before, tunnels: [] })
}, 20_000)

it('keeps favourites in their order, once each, of every cluster', async () => {
  for (const resource of [TICKETS, ORDERS, TICKETS]) await app.answers['favourite.set']({ resource, on: true })
  expect(shown.favourites).toEqual([TICKETS, ORDERS])
  await app.answers['favourite.set']({ resource: TICKETS, on: false })
  await app.answers['favourite.set']({ resource: TICKETS, on: false })
  expect(shown.favourites).toEqual([ORDERS])
  await app.answers['favourite.set']({ resource: TICKETS, on: true })
})

it('shows what an editor did to the settings, and names the line that is wrong', async () => {
  await app.answers['settings.write']({ theme: 'dark', groupBy: 'env' })
  expect(shown.settings).toMatchObject({ theme: 'dark', groupBy: 'env' })
  const good = readFileSync(home.settingsFile, 'utf8')
  writeFileSync(home.settingsFile, good.replace('theme: dark', 'theme: [dark'))
  await until(() => expect(shown.notices.map(({ text }) => text).join('\n')).toMatch(/Line \d of settings\.yaml is wrong/))
  expect(shown.settings).toMatchObject({ theme: 'dark', groupBy: 'env' })
  const { id } = shown.notices.find(({ text }) => text.includes('settings.yaml'))!
  await app.answers['notice.dismiss']({ id })
  expect(shown.notices.some(notice => notice.id === id)).toBe(false)
  writeFileSync(home.settingsFile, good.replace('theme: dark', 'theme: light'))
  await until(() => expect(shown.settings.theme).toBe('light'))
})

it('tells the log without secrets', async () => {
  const { entries } = await app.answers['log.read']({ limit: 500, level: 'info' })
  expect(entries.map(({ event }) => event)).toContain('login.done')
  expect(JSON.stringify(entries)).not.toContain(ready.password)
})

it('finds all of it again after a restart', async () => {
  const { favourites, settings } = shown
  await app.close()
  await open()
  expect(shown).toMatchObject({ favourites, settings })
  await until(() => expect(names()).toEqual(['branch/tickets']))
  await app.answers['cluster.use']({ cluster: 'lab' })
  expect(names()).toEqual(ROOT_NAMES)
  expect(AppStateShape.safeParse(shown).error).toBeUndefined()
}, 30_000)

it('says that the keychain gives no key, keeps the login, and goes on when it does', async () => {
  await app.close()
  const [key, marker] = [join(home.vault, 'vault-key'), join(home.vault, 'in-keychain')]
  const held = readFileSync(key)
  rmSync(key)
  writeFileSync(marker, 'vault-of-nobody\n')
  delete process.env['PORTICO_KEYRING']
  // No bus: a keychain that is not there, whoever runs this.
  const bus = process.env['DBUS_SESSION_BUS_ADDRESS']
  process.env['DBUS_SESSION_BUS_ADDRESS'] = 'unix:path=/nonexistent/bus'
  try {
    await open()
    await until(() => expect(shown.databases).toMatchObject({ state: 'failed', failure: { code: 'vault/locked' } }))
    expect(shown.session).toMatchObject({ state: 'active', profile: { user: 'alice' } })
    await expect(app.answers['tunnel.start']({ resource: ORDERS, databaseUser: 'alice' })).rejects.toMatchObject({ code: 'vault/locked' })

    // Another key is no damage: nothing is set aside or written over.
    rmSync(marker)
    writeFileSync(key, Buffer.alloc(32, 7).toString('base64'))
    await app.answers['databases.refresh']({})
    expect(shown.databases).toMatchObject({ state: 'failed', failure: { code: 'vault/locked' } })
    await app.close()

    writeFileSync(key, held)
    await open()
    await until(() => expect(names()).toEqual(ROOT_NAMES))
  } finally {
    process.env['PORTICO_KEYRING'] = 'off'
    if (bus === undefined) delete process.env['DBUS_SESSION_BUS_ADDRESS']
    else process.env['DBUS_SESSION_BUS_ADDRESS'] = bus
  }
}, 60_000)
