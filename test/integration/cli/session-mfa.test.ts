import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectEngine } from '../../../electron/control/connect-engine.ts'
import { openHome } from '../../../electron/state/home.ts'
import { TOTP_STEP_MS, totpCode } from '../../../electron/wire/totp.ts'
import { POSTGRES_BIN } from '../clients/postgres.ts'
import { eventually, openWorld, run, type World } from '../clients/world.ts'
import { COMMAND } from './portico.ts'

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0

describe.runIf(POSTGRES_BIN)('a cluster that wants each session confirmed with a one-time code', () => {
  let world: World
  let lastStep = 0
  const bins = (): Record<string, string> => ({ PATH: `${POSTGRES_BIN}:${process.env['PATH']}` })

  /** Each code works once, so each is of another half minute. */
  const nextCode = async (): Promise<string> => {
    const step = (): number => Math.floor(Date.now() / TOTP_STEP_MS)
    lastStep = Math.max(lastStep + 1, step())
    await eventually(() => step() + 1 >= lastStep, 60_000)
    return totpCode(SECRET, lastStep * TOTP_STEP_MS)
  }

  beforeAll(async () => {
    world = await openWorld({ otpSecret: SECRET })
    // The sign-in took one of these.
    lastStep = Math.floor(Date.now() / TOTP_STEP_MS)
  }, 120_000)
  afterAll(async () => {
    await world?.portico.run(['engine', 'stop'])
    await world?.close()
  }, 60_000)

  it('holds 20 connections of a tunnel of the engine for one code, asks again after a wrong one, and keeps the answer', async () => {
    const [tunnel] = (await world.portico.run(['tunnels', 'start', 'db/shop', '--json'])).json().tunnels
    const engine = await connectEngine(openHome(world.portico.env(), process.platform))
    if (engine === undefined) throw new Error('the engine is not there')
    const codeOf = async () => {
      const { state } = await engine.ask('state.read', {})
      const found = state.tunnels.find(({ id }) => id === tunnel.id)
      return found !== undefined && 'code' in found ? found.code : null
    }
    const env = { PGHOST: '127.0.0.1', PGPORT: String(tunnel.address.port), PGUSER: 'alice', PGDATABASE: 'shop' }
    const query = (n: number) => run('psql', ['-XAtqc', `select ${n}`], env)
    const held = Array.from({ length: 20 }, (_, n) => query(n))
    await eventually(async () => (await codeOf()) !== null)
    const shown = (await world.portico.run(['tunnels', 'ls', '--json'])).json().tunnels[0]
    expect(shown.error).toMatchObject({ code: 'login/code-needed' })

    await engine.ask('tunnel.code', { tunnel: tunnel.id, code: '000000' })
    await eventually(async () => (await codeOf())?.refused?.code === 'login/code-refused')
    await engine.ask('tunnel.code', { tunnel: tunnel.id, code: await nextCode() })
    expect((await Promise.all(held)).map(({ out, err }) => out.trim() + err)).toEqual(Array.from({ length: 20 }, (_, n) => String(n)))
    expect(await codeOf()).toBeNull()
    expect((await query(21)).out).toBe('21\n')
    await expect(engine.ask('tunnel.code', { tunnel: tunnel.id, code: '123456' })).rejects.toMatchObject({ code: 'tunnel/not-found' })
    // The answer ends with the tunnel.
    await world.portico.run(['tunnels', 'stop', 'db/shop'])
    const [again] = (await world.portico.run(['tunnels', 'start', 'db/shop', '--json'])).json().tunnels
    void run('psql', ['-XAtqc', 'select 1'], { ...env, PGPORT: String(again.address.port) })
    await eventually(async () => (await engine.ask('state.read', {})).state.tunnels.some(one => 'code' in one && one.code !== null))
    await world.portico.run(['tunnels', 'stop', 'db/shop'])
    engine.close()
  }, 120_000)

  it('ends with 3 and the reason where nobody can be asked', async () => {
    const proxied = world.portico.stay(['proxy', 'db', 'shop', '-p', '0', '--json'])
    const failed = await proxied.line(line => line.error !== undefined && line.event === undefined)
    expect(failed.error).toMatchObject({ code: 'login/code-needed', message: expect.stringContaining('"shop"') })
    const connected = await world.portico.run(['db', 'connect', 'shop', '--json'], { env: bins() })
    expect([connected.code, connected.json().error.code]).toEqual([3, 'login/code-needed'])
    const files = await world.portico.run(['db', 'login', 'shop', '--json'])
    expect([files.code, files.json().error.code]).toEqual([3, 'login/code-needed'])
  }, 60_000)

  it.runIf(hasScript)(
    'asks on the terminal, and again after a wrong code',
    async () => {
      const line = `'${process.execPath}' '${COMMAND}' db connect shop -- -XAtqc 'select 6 * 7'`
      const child = spawn('script', ['-qec', line, '/dev/null'], { env: world.portico.env({ ...bins(), PSQL_PAGER: 'cat' }) })
      let text = ''
      child.stdout.on('data', part => (text += String(part)))
      const prompts = () => text.split('One-time code for shop:').length - 1
      await eventually(() => prompts() === 1, 20_000)
      child.stdin.write('000000\r')
      await eventually(() => prompts() === 2, 20_000)
      expect(text).toContain('The one-time code was refused')
      child.stdin.write(`${await nextCode()}\r`)
      const [code] = (await once(child, 'close')) as [number]
      expect(text).toContain('42')
      expect(code).toBe(0)
    },
    120_000,
  )
})
