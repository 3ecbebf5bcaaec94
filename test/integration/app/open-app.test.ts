import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openApp, type App } from '../../../electron/app/open-app.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { openHome } from '../../../electron/state/home.ts'
import { AppStateShape, type AppState, type Change } from '../../../shared/state.ts'
import { databaseId } from '../../../shared/ids.ts'
import { LAB_NAMES } from '../../kit/lab-databases.ts'

const exec = promisify(execFile)
const hasPsql = spawnSync('psql', ['--version']).status === 0
const built = (path: string): URL => new URL(`../../../out/${path}`, import.meta.url)

const root = mkdtempSync(join(tmpdir(), 'portico app ü '))
const env = { ...process.env, PORTICO_HOME: root, PORTICO_KEYRING: 'off' }
const ORDERS = databaseId('lab', 'orders')
const changes: Change[] = []
let app: App
let revision: number

/** What a window would show: the state as read at first, with every change put on top. */
let shown: AppState
const until = async (fits: (state: AppState) => boolean, ms = 20_000): Promise<void> => {
  for (const end = Date.now() + ms; !fits(shown);) {
    if (Date.now() > end) throw new Error(`never: ${JSON.stringify(shown).slice(0, 2000)}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

beforeAll(async () => {
  process.env['PORTICO_KEYRING'] = 'off'
  app = await openApp({
    home: openHome(env, process.platform),
    engine: { host: 'app', version: '0' },
    onStop: () => {},
    log: NO_LOG,
    workerFile: built('engine/worker.mjs'),
    threads: 1,
    portico: { exec: process.execPath, args: [fileURLToPath(built('cli/portico.mjs'))], env: {} },
  })
  const read = await app.answers['state.read']({})
  revision = read.revision
  shown = read.state
  app.onChange(change => {
    changes.push(change)
    shown = { ...shown, ...change.slices } as AppState
  })
})

afterAll(async () => {
  await app.close()
  rmSync(root, { recursive: true, force: true })
}, 30_000)

it('begins with nobody signed in', () => {
  expect(shown).toMatchObject({ session: { state: 'none' }, profiles: [], tunnels: [], lab: { state: 'off' } })
})

it('starts the lab once, signs alice in and lists its databases', async () => {
  await Promise.all([app.answers['lab.start']({}), app.answers['lab.start']({})])
  await until(state => state.databases.state === 'ready')
  expect(shown).toMatchObject({ lab: { state: 'running' }, session: { state: 'active', profile: { user: 'alice', cluster: 'lab' } } })
  expect(shown.databases.items.map(({ name }) => name)).toEqual(LAB_NAMES)
  expect(changes.some(({ slices }) => slices.lab?.state === 'starting')).toBe(true)
}, 120_000)

it('makes one tunnel of two clicks, which psql can use', async () => {
  const [first, second] = await Promise.all([
    app.answers['tunnel.start']({ resource: ORDERS }),
    app.answers['tunnel.start']({ resource: ORDERS }),
  ])
  expect(second.id).toBe(first.id)
  expect(shown.tunnels).toHaveLength(1)
  if (first.state !== 'open') throw new Error(first.state)
  if (!hasPsql) return
  expect((await exec('psql', [first.url!, '-Atc', 'select 1'])).stdout).toBe('1\n')
  await until(({ tunnels: [tunnel] }) => tunnel?.state === 'open' && tunnel.bytesIn > 0)
}, 30_000)

it('stops a tunnel while it starts, and starts it again', async () => {
  await app.answers['tunnel.stop']({ tunnel: shown.tunnels[0]!.id })
  expect(shown.tunnels).toEqual([])
  const started = app.answers['tunnel.start']({ resource: ORDERS })
  await until(({ tunnels }) => tunnels.length === 1)
  await Promise.all([app.answers['tunnel.stop']({ tunnel: shown.tunnels[0]!.id }), started.catch(() => {})])
  expect(shown.tunnels).toEqual([])
  await app.answers['tunnel.start']({ resource: ORDERS })
  expect(shown.tunnels.map(({ state }) => state)).toEqual(['open'])
})

it('replaces a tunnel when another user is chosen', async () => {
  const before = shown.tunnels[0]!.id
  const tunnel = await app.answers['tunnel.start']({ resource: ORDERS, databaseUser: 'reader' })
  expect(shown.tunnels.map(({ id }) => id)).toEqual([tunnel.id])
  expect(tunnel.id).not.toBe(before)
  await until(({ databases }) => databases.items.length === LAB_NAMES.length)
})

it('shows a taken port with its holder, in the row and as the answer', async () => {
  const holder = shown.tunnels[0]!
  if (holder.state !== 'open') throw new Error(holder.state)
  await expect(app.answers['tunnel.start']({ resource: databaseId('lab', 'metrics'), port: holder.port })).rejects.toMatchObject({
    code: 'tunnel/port-in-use',
    facts: { pid: process.pid },
  })
  expect(shown.tunnels.find(({ name }) => name === 'metrics')).toMatchObject({ state: 'failed', failure: { code: 'tunnel/port-in-use' } })
  await app.answers['tunnel.stop']({ tunnel: shown.tunnels.find(({ name }) => name === 'metrics')!.id })
})

it('refuses a wrong password and an unknown database without an unhandled failure', async () => {
  const { profile } = shown.session as Extract<AppState['session'], { state: 'active' }>
  await expect(app.answers['login.submit']({ proxy: profile.proxy, user: 'alice', password: 'no' })).rejects.toMatchObject({
    code: 'login/refused',
  })
  await expect(app.answers['tunnel.start']({ resource: databaseId('lab', 'nosuch') })).rejects.toMatchObject({ code: 'resource/not-found' })
  await expect(app.answers['login.look']({ proxy: '127.0.0.1:1' })).rejects.toMatchObject({ code: 'proxy/unreachable' })
  expect(await app.answers['login.look']({ proxy: profile.proxy })).toMatchObject({ cluster: 'lab', kind: 'password' })
})

it('shows within 5 s that the proxy is gone, keeps the tunnel, and recovers with a new lab', async () => {
  const lab = shown.lab as Extract<AppState['lab'], { state: 'running' }>
  process.kill(lab.pid, 'SIGKILL')
  await until(({ proxy }) => !proxy.reachable, 6_000)
  await until(({ lab: now }) => now.state === 'failed', 6_000)
  expect(shown.tunnels.map(({ state }) => state)).toEqual(['open'])
  await app.answers['lab.start']({})
  await until(({ proxy }) => proxy.reachable, 12_000)
  const [tunnel] = shown.tunnels
  if (hasPsql && tunnel?.state === 'open') expect((await exec('psql', [tunnel.url!, '-Atc', 'select 2'])).stdout).toBe('2\n')
}, 90_000)

it('stops the tunnels of a login that is ended', async () => {
  const { profile } = shown.session as Extract<AppState['session'], { state: 'active' }>
  await app.answers['login.end']({ proxy: profile.proxy })
  expect(shown).toMatchObject({ session: { state: 'none' }, tunnels: [], profiles: [], databases: { items: [] } })
})

it('counted every change without a gap, each of them as the contract says', () => {
  expect(changes.map(change => change.revision)).toEqual(changes.map((_, n) => revision + 1 + n))
  for (const { slices } of changes) AppStateShape.partial().parse(slices)
})
