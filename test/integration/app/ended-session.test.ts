import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openApp, type App } from '../../../electron/app/open-app.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { openHome } from '../../../electron/state/home.ts'
import { databaseId } from '../../../shared/ids.ts'
import type { AppState } from '../../../shared/state.ts'
import { Portico, type Staying } from '../cli/portico.ts'

const exec = promisify(execFile)
const hasPsql = spawnSync('psql', ['--version']).status === 0
const built = (path: string): URL => new URL(`../../../out/${path}`, import.meta.url)

const portico = new Portico('portico ended ')
let lab: Staying
let ready: any
let app: App
let shown: AppState
const until = async (fits: (state: AppState) => boolean): Promise<void> => {
  for (const end = Date.now() + 20_000; !fits(shown);) {
    if (Date.now() > end) throw new Error(`never: ${JSON.stringify(shown).slice(0, 2000)}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

beforeAll(async () => {
  process.env['PORTICO_KEYRING'] = 'off'
  lab = portico.stay(['lab', '--listen', '127.0.0.1:0', '--cert-ttl', '6s', '--json'])
  ready = await lab.line(line => line.event === 'ready')
  app = await openApp({
    home: openHome(portico.env(), process.platform),
    engine: { host: 'app', version: '0' },
    onStop: () => {},
    log: NO_LOG,
    workerFile: built('engine/worker.mjs'),
    threads: 1,
    portico: { exec: process.execPath, args: [fileURLToPath(built('cli/portico.mjs'))], env: {} },
  })
  shown = (await app.answers['state.read']({})).state
  app.onChange(({ slices }) => {
    shown = { ...shown, ...slices } as AppState
  })
}, 120_000)

afterAll(async () => {
  await app.close()
  // A lab of somebody else is not ours to stop.
  expect(lab.child.exitCode).toBeNull()
  expect(await lab.end()).toBe(0)
  portico.remove()
}, 30_000)

it.runIf(hasPsql)(
  'uses the lab that runs already; shows how many connections wait when the session ended; one sign-in lets them go on',
  async () => {
    await app.answers['lab.start']({})
    expect(shown.lab).toMatchObject({ state: 'running', pid: lab.child.pid, proxy: ready.proxy })
    await until(({ databases }) => databases.state === 'ready')
    const tunnel = await app.answers['tunnel.start']({ resource: databaseId('lab', 'orders') })
    if (tunnel.state !== 'open') throw new Error(tunnel.state)
    await until(({ session }) => session.state === 'ended')

    const held = [1, 2, 3].map(n => exec('psql', [tunnel.url!, '-Atc', `select ${n}`]))
    await until(({ session }) => session.state === 'ended' && session.waiting === 3 && session.tunnels === 1)
    expect(shown.tunnels.map(({ state }) => state)).toEqual(['open'])
    await app.answers['login.submit']({ proxy: ready.proxy, user: 'alice', password: ready.password })
    expect((await Promise.all(held)).map(({ stdout }) => stdout.trim())).toEqual(['1', '2', '3'])
    expect(shown.session.state).toBe('active')

    // And again, this time from another process.
    await until(({ session }) => session.state === 'ended')
    const later = exec('psql', [tunnel.url!, '-Atc', 'select 4'])
    await until(({ session }) => session.state === 'ended' && session.waiting === 1)
    const login = await portico.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--json'], {
      env: { PORTICO_PASSWORD: ready.password },
    })
    expect(login).toMatchObject({ code: 0 })
    expect((await later).stdout).toBe('4\n')
    await until(({ session }) => session.state === 'active')
  },
  60_000,
)
