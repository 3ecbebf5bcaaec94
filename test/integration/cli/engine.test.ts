import { execFile, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { processGone } from '../../../electron/control/process-gone.ts'
import { Portico, type Staying } from './portico.ts'

const exec = promisify(execFile)
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0

const portico = new Portico('portico-eng-')
let lab: Staying
let ready: any
const json = async (...args: string[]): Promise<any> => {
  const ran = await portico.run([...args, '--json'])
  expect(ran).toMatchObject({ code: 0 })
  return ran.json()
}
/** Ports of the lab's databases are the same for everybody on a machine: any free one here. */
const start = (...names: string[]): Promise<any> => json('tunnels', 'start', ...names, '--port', '0')
const tunnels = async (): Promise<any[]> => (await json('tunnels', 'ls')).tunnels
const select1 = async (url: string): Promise<string> => (await exec('psql', [url, '-Atc', 'select 1'])).stdout.trim()
const TUNNEL_FIELDS = [
  ...['id', 'kind', 'name', 'cluster', 'protocol', 'mode', 'state', 'address', 'socket', 'url'],
  ...['connections', 'bytesIn', 'bytesOut', 'since', 'error'],
]

beforeAll(async () => {
  lab = portico.stay(['lab', '--listen', '127.0.0.1:0', '--json'])
  ready = await lab.line(line => line.event === 'ready')
  const login = await portico.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile], {
    env: { PORTICO_PASSWORD: ready.password },
  })
  expect(login).toMatchObject({ code: 0 })
}, 120_000)
afterEach(async () => {
  await portico.run(['tunnels', 'stop', '--all'])
  expect((await portico.run(['engine', 'stop'])).code).toBe(0)
}, 30_000)
afterAll(async () => {
  expect(await lab.end()).toBe(0)
  portico.remove()
}, 30_000)

it('says that no engine runs, and needs none to say so', async () => {
  expect(await json('engine', 'status')).toMatchObject({ running: false, pid: null, host: null, tunnels: 0, since: null, version: null })
  expect(await tunnels()).toEqual([])
  expect(await json('engine', 'stop')).toMatchObject({ running: false })
  expect((await portico.run(['tunnels', 'stop', 'db/orders', '--json'])).json().error.code).toBe('tunnel/not-found')
  expect(existsSync(join(portico.home, 'engine.json'))).toBe(false)
})

it('starts once, stops wholly, and the second one in the foreground names the pid of the first', async () => {
  const first = await json('engine', 'start')
  expect(first).toMatchObject({ running: true, host: 'headless', tunnels: 0, version: expect.any(String), since: expect.any(String) })
  expect(await json('engine', 'start')).toMatchObject({ pid: first.pid })
  const second = await portico.run(['engine', 'start', '--foreground', '--json'])
  expect(second.code).toBe(1)
  expect(second.json().error).toMatchObject({ code: 'engine/running', facts: { pid: first.pid } })
  expect(await json('engine', 'stop')).toMatchObject({ running: false })
  expect(await processGone(first.pid, 0)).toBe(true)
})

it('becomes one engine however many commands start it at once', async () => {
  const started = await Promise.all(Array.from({ length: 5 }, () => json('engine', 'start')))
  expect(new Set(started.map(({ pid }) => pid)).size).toBe(1)
}, 30_000)

it('stays in the foreground until a signal, and ends with 0', async () => {
  const engine = portico.stay(['engine', 'start', '--foreground', '--json'])
  expect(await engine.line(line => line.running)).toMatchObject({ pid: engine.child.pid, host: 'headless' })
  expect(await engine.end('SIGINT')).toBe(0)
  expect(await json('engine', 'status')).toMatchObject({ running: false })
})

it.runIf(has('psql'))(
  'starts tunnels, starting the engine itself; they come back after a stop and after a kill, at the same addresses',
  async () => {
    const started = await start('db/orders', 'db/metrics')
    expect(started.tunnels.map(({ name, state }: any) => [name, state])).toEqual([
      ['orders', 'open'],
      ['metrics', 'open'],
    ])
    for (const tunnel of started.tunnels) for (const field of TUNNEL_FIELDS) expect(tunnel).toHaveProperty(field)
    expect(started.tunnels[0]).toMatchObject({ kind: 'db', cluster: 'lab', protocol: 'postgres', mode: 'authenticated', error: null })
    const [{ url }] = started.tunnels
    expect(await select1(url)).toBe('1')

    const listed = (await json('db', 'ls')).databases
    expect(listed.find(({ name }: any) => name === 'orders')).toMatchObject({ tunnel: { url, state: 'open' } })
    expect(listed.find(({ name }: any) => name === 'archive').tunnel).toBeNull()

    await json('engine', 'stop')
    await expect(select1(url)).rejects.toThrow()
    await json('engine', 'start')
    const back = await until(tunnels, list => list.length === 2 && list.every(({ state }) => state === 'open'))
    expect(back.map(tunnel => tunnel.url)).toEqual(started.tunnels.map((tunnel: any) => tunnel.url))
    expect(await select1(url)).toBe('1')

    const { pid } = JSON.parse(readFileSync(join(portico.home, 'engine.json'), 'utf8'))
    process.kill(pid, 'SIGKILL')
    await until(
      () => json('engine', 'status'),
      ({ running }) => !running,
    )
    expect((await json('tunnels', 'stop', '--all')).tunnels).toEqual([])
    await json('engine', 'start')
    await until(tunnels, list => list.length === 2 && list.every(({ state }) => state === 'open'))
    expect(await select1(url)).toBe('1')

    // What was stopped by hand stays stopped.
    expect((await json('tunnels', 'stop', 'db/metrics')).tunnels).toHaveLength(1)
    await json('engine', 'stop')
    await json('engine', 'start')
    expect((await until(tunnels, list => list.some(({ state }) => state === 'open'))).map(({ name }) => name)).toEqual(['orders'])
  },
  60_000,
)

it('restarts a tunnel where it was, also one on any free port', async () => {
  const {
    tunnels: [before],
  } = await start('db/orders')
  const {
    tunnels: [after],
  } = await json('tunnels', 'restart', before.id)
  expect(after.address).toEqual(before.address)
  expect(after.id).not.toBe(before.id)
  expect((await json('tunnels', 'restart')).tunnels).toMatchObject([{ state: 'open', address: before.address }])
})

it('tells what failed: a taken port in the list with exit 1, an unknown name with 4, a wrong one with 2', async () => {
  await start('db/orders')
  const [{ address, url }] = await tunnels()
  const taken = await portico.run(['tunnels', 'start', 'db/metrics', '--port', String(address.port), '--json'])
  expect(taken.code).toBe(1)
  expect(taken.json().tunnels).toMatchObject([{ name: 'metrics', state: 'failed', address: null, error: { code: 'tunnel/port-in-use' } }])
  expect((await portico.run(['tunnels', 'start', 'db/nosuch', '--json'])).code).toBe(4)
  for (const wrong of ['orders', 'node/x', 'db/', '/orders', 'b:ad:db/orders x/y'])
    expect((await portico.run(['tunnels', 'start', wrong, '--json'])).code).toBe(wrong === 'b:ad:db/orders x/y' ? 4 : 2)
  expect((await portico.run(['tunnels', 'stop', '--json'])).code).toBe(2)

  // A tunnel of this command's own: the engine has the port, and the address to use is told.
  const own = await portico.run(['proxy', 'db', 'orders', '-p', String(address.port), '--json'])
  expect(own.code).toBe(1)
  expect(own.json().error).toMatchObject({ code: 'tunnel/port-in-use', hint: expect.stringContaining(url) })
}, 30_000)

it('watches: a line with all tunnels at once, then one a change', async () => {
  const watch = portico.stay(['tunnels', 'watch', '--json'])
  await watch.line(line => line.tunnels.length === 0)
  await start('db/orders')
  await watch.line(line => line.tunnels[0]?.state === 'open')
  await json('engine', 'stop')
  await until(
    async () => watch.lines.at(-1),
    line => line.tunnels.length === 0,
  )
  expect(await watch.end()).toBe(0)
}, 30_000)

it.runIf(process.platform === 'linux' && has('psql'))('names the program and pid of each connection, as soon as it is open', async () => {
  const tunnel = portico.stay(['proxy', 'db', 'archive', '-p', '0', '--json'])
  const { url } = await tunnel.line(line => line.event === 'open')
  const psql = spawn('psql', [url, '-Atc', 'select pg_sleep(0.2)'])
  const ended = new Promise(resolve => psql.once('close', resolve))
  const open = await tunnel.line(line => line.event === 'connection' && line.state === 'open')
  expect(open.from).toEqual({ pid: psql.pid, program: 'psql' })
  await ended
  expect(await tunnel.end()).toBe(0)
})

it.runIf(process.platform === 'linux' && process.getuid?.() === 0 && has('bash'))(
  'refuses a program of another user, and shows it',
  async () => {
    const {
      tunnels: [tunnel],
    } = await start('db/orders')
    const { port } = tunnel.address
    // A PostgreSQL start-up message; what comes back would be the database's answer.
    const startup = String.raw`\x00\x00\x00\x22\x00\x03\x00\x00user\x00alice\x00database\x00shop\x00\x00`
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf '${startup}' >&3; head -c 1 <&3 | wc -c`
    const heard = (user: object): string => spawnSync('bash', ['-c', script], { ...user, encoding: 'utf8', timeout: 10_000 }).stdout.trim()
    expect(heard({ uid: 65_534, gid: 65_534 })).toBe('0')
    await until(tunnels, list => list[0].error?.code === 'tunnel/other-user')
    expect(heard({})).toBe('1')
  },
)

it('shows connections and closes one through the engine', async () => {
  const {
    tunnels: [tunnel],
  } = await start('db/orders')
  const { connectEngine } = await import('../../../electron/control/connect-engine.ts')
  const { openHome } = await import('../../../electron/state/home.ts')
  const engine = (await connectEngine(openHome(portico.env(), process.platform)))!
  const sockets = Array.from({ length: 3 }, () => connect(tunnel.address.port, '127.0.0.1').on('error', () => {}))
  const list = await until(
    () => engine.ask('tunnel.connections', { tunnel: tunnel.id }),
    ({ total, connections }) => total === 3 && (process.platform !== 'linux' || connections.every(({ from }) => from !== null)),
  )
  if (process.platform === 'linux') expect(list.connections[0]!.from).toMatchObject({ pid: process.pid })
  const closed = Promise.all(sockets.map(socket => new Promise(resolve => socket.once('close', resolve))))
  for (const { id } of list.connections) await engine.ask('connection.close', { tunnel: tunnel.id, connection: id })
  await engine.ask('connection.close', { tunnel: tunnel.id, connection: 12_345 })
  await closed
  await until(
    () => engine.ask('tunnel.connections', { tunnel: tunnel.id }),
    ({ total }) => total === 0,
  )
  await expect(engine.ask('tunnel.connections', { tunnel: 'none' })).rejects.toMatchObject({ code: 'tunnel/not-found' })
  engine.close()
})

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish', 'powershell'])('writes a script for %s that knows the verbs', async shell => {
    const ran = await portico.run(['completion', shell])
    expect(ran.code).toBe(0)
    for (const word of ['tunnels', 'watch', '--passthrough']) expect(ran.out).toContain(word)
  })

  it.runIf(has('bash'))('completes verbs and flags in bash', async () => {
    const { out } = await portico.run(['completion', 'bash'])
    const ask = (line: string): string[] => {
      const words = line.split(' ')
      const script = `${out}\nCOMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _portico; printf '%s\\n' "\${COMPREPLY[@]}"`
      return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim().split('\n')
    }
    expect(ask('portico tun')).toEqual(['tunnels'])
    expect(ask('portico --json tunnels st')).toEqual(['start', 'stop'])
    expect(ask('portico engine start --fo')).toEqual(['--foreground'])
  })

  it('does not know other shells', async () => {
    expect((await portico.run(['completion', 'tcsh'])).code).toBe(2)
  })
})

async function until<T>(look: () => Promise<T>, fits: (value: T) => boolean): Promise<T> {
  for (const end = Date.now() + 15_000; ;) {
    const value = await look()
    if (fits(value)) return value
    if (Date.now() > end) throw new Error(`never: ${JSON.stringify(value).slice(0, 1000)}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
