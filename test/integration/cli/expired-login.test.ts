import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Portico, type Staying } from './portico.ts'

const exec = promisify(execFile)
const hasPsql = spawnSync('psql', ['--version']).status === 0
const TTL_S = 6

const portico = new Portico('portico-ttl-')
let lab: Staying
let ready: any
const login = () =>
  portico.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile, '--json'], {
    env: { PORTICO_PASSWORD: ready.password },
  })

beforeAll(async () => {
  lab = portico.stay(['lab', '--listen', '127.0.0.1:0', '--cert-ttl', `${TTL_S}s`, '--ephemeral', '--json'])
  ready = await lab.line(line => line.event === 'ready')
}, 120_000)

afterAll(async () => {
  expect(await lab.end()).toBe(0)
  portico.remove()
}, 30_000)

it.runIf(hasPsql)(
  'holds connections while the login is over, and a login in another shell lets them go on',
  async () => {
    expect((await login()).code).toBe(0)
    const tunnel = portico.stay(['proxy', 'db', 'orders', '-p', '0', '--json'])
    const { url } = await tunnel.line(line => line.event === 'open')
    expect((await exec('psql', [url, '-Atc', 'select 1'])).stdout).toBe('1\n')
    await new Promise(resolve => setTimeout(resolve, (TTL_S + 1) * 1000))
    expect((await portico.run(['status', '--json'])).code).toBe(3)
    expect((await portico.run(['db', 'ls', '--json'])).json().error.code).toBe('login/expired')

    const held = Array.from({ length: 5 }, (_, n) => exec('psql', [url, '-Atc', `select ${n}`]))
    await tunnel.line(line => line.event === 'credentials' && line.state === 'login-needed')
    const early = await Promise.race([Promise.any(held), new Promise(resolve => setTimeout(resolve, 1000, 'still held'))])
    expect(early).toBe('still held')

    expect((await login()).code).toBe(0)
    expect((await Promise.all(held)).map(({ stdout }) => stdout.trim())).toEqual(['0', '1', '2', '3', '4'])
    expect(tunnel.lines.filter(({ event, state }) => event === 'credentials' && state === 'login-needed')).toHaveLength(1)
    expect(tunnel.lines.filter(({ event, state }) => event === 'credentials' && state === 'renewed')).toHaveLength(2)
    expect(await tunnel.end()).toBe(0)
  },
  60_000,
)

it.runIf(hasPsql)(
  'gives up on a connection that waited longer than --hold',
  async () => {
    expect((await login()).code).toBe(0)
    const tunnel = portico.stay(['proxy', 'db', 'orders', '-p', '0', '--hold', '1s', '--json'])
    const { url } = await tunnel.line(line => line.event === 'open')
    await new Promise(resolve => setTimeout(resolve, (TTL_S + 1) * 1000))
    await expect(exec('psql', [url, '-Atc', 'select 1'])).rejects.toThrow()
    await tunnel.line(line => line.event === 'connection' && line.state === 'failed')
    expect(await tunnel.end()).toBe(0)
  },
  60_000,
)
