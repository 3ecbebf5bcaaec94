import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { createServer as createHttpsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeCertificates } from '../../kit/certificates.ts'
import { smallCluster } from './small-cluster.ts'
import { COMMAND, Portico, type Staying } from './portico.ts'

const HOUR = 3_600_000
const portico = new Portico('portico bäd ')
let cluster: Staying
let ready: any
let certificates: Awaited<ReturnType<typeof makeCertificates>>

const login = (home: Portico, flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
  home.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--json', ...flags], { env: { PORTICO_PASSWORD: 'secret-enough', ...env } })

beforeAll(async () => {
  certificates = await makeCertificates()
  cluster = portico.stay(['cluster', 'start', '-c', smallCluster(portico.home), '--json'])
  ready = await cluster.line(line => line.event === 'ready')
  expect(await login(portico, ['--ca-file', ready.caFile])).toMatchObject({ code: 0 })
}, 60_000)

afterAll(async () => {
  expect(await cluster.end()).toBe(0)
  portico.remove()
}, 30_000)

/** Somebody else at the other end. */
async function listening<S extends Server | ReturnType<typeof createHttpsServer>>(server: S): Promise<{ proxy: string; close(): void }> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { proxy: `localhost:${(server.address() as AddressInfo).port}`, close: () => void server.close() }
}

describe('a proxy that is not as it should be', () => {
  const stranger = new Portico('portico-stranger-')
  afterAll(() => stranger.remove())
  const rootFile = (): string => {
    const file = join(stranger.home, 'root.pem')
    writeFileSync(file, certificates.webRoot)
    return file
  }
  const ask = (proxy: string) =>
    stranger.run(['login', '--proxy', proxy, '--user', 'alice', '--ca-file', rootFile(), '--json'], { env: { PORTICO_PASSWORD: 'x' } })

  it('is named with the end of its certificate when that is over', async () => {
    const past = { now: Date.now() - 48 * HOUR, notAfter: Date.now() - 24 * HOUR }
    const other = await listening(createHttpsServer(await certificates.server(past)))
    const { code, json } = await ask(other.proxy)
    expect([code, json().error]).toEqual([1, expect.objectContaining({ code: 'proxy/certificate-expired' })])
    other.close()
  })

  it('is told when another authority than the one that was named signed its certificate', async () => {
    const { code, json } = await ask(ready.proxy)
    expect([code, json().error]).toEqual([
      1,
      expect.objectContaining({ code: 'proxy/untrusted', hint: expect.stringContaining('--ca-file') }),
    ])
  })

  it('is told when it is a web server of another kind', async () => {
    const other = await listening(createHttpsServer(await certificates.server(), (_, answer) => answer.end('<html>hello</html>')))
    expect(await ask(other.proxy)).toMatchObject({ code: 1, out: expect.stringContaining('"proxy/not-teleport"') })
    other.close()
  })

  it('is given up when it hangs up at once', async () => {
    const other = await listening(createServer(socket => socket.destroy()))
    const { code, json } = await ask(other.proxy)
    expect([code, json().error.code]).toEqual([expect.any(Number), expect.stringMatching(/^proxy\//)])
    other.close()
  })
})

describe('a clock', () => {
  const withClock = async (hours: number) => {
    const other = new Portico('portico-clock-')
    const file = join(other.home, 'clock.mjs')
    writeFileSync(file, `const now = Date.now; Date.now = () => now() + ${hours * HOUR}\n`)
    const env = { NODE_OPTIONS: `--import=file://${file}` }
    return { other, env, ran: await login(other, ['--ca-file', ready.caFile], env) }
  }

  it('that is an hour late is called so, and nothing is kept', async () => {
    const { other, env, ran } = await withClock(-1)
    expect([ran.code, ran.json().error]).toEqual([
      1,
      expect.objectContaining({ code: 'proxy/clock', message: expect.stringContaining('clock') }),
    ])
    expect((await other.run(['status', '--json'], { env })).json()).toEqual({ profiles: [] })
    other.remove()
  })

  it('that is an hour early does no harm', async () => {
    const { other, env, ran } = await withClock(1)
    expect(ran.code).toBe(0)
    expect((await other.run(['status', '--json'], { env })).json().profiles).toMatchObject([{ expired: false }])
    expect((await other.run(['db', 'ls', '--json'], { env })).json().databases).toHaveLength(1)
    other.remove()
  })
})

describe('state files', () => {
  it.each([
    ['torn', (text: string) => text.slice(0, text.length / 2)],
    ['foreign', () => '{"something":"else"}'],
    ['empty', () => ''],
    ['no text', () => '\u0000\u0001\ufffd'],
  ])('that are %s are kept as .bad and said so; a new sign-in starts clean', async (_, broken) => {
    const other = new Portico('portico broken ü ')
    expect(await login(other, ['--ca-file', ready.caFile])).toMatchObject({ code: 0 })
    const file = join(other.home, 'state.json')
    const text = broken(readFileSync(file, 'utf8'))
    writeFileSync(file, text)
    const status = await other.run(['status', '--json'])
    expect([status.code, status.json()]).toEqual([3, { profiles: [] }])
    const kept = readdirSync(other.home).find(name => name.endsWith('.bad'))!
    expect(status.err).toContain(`kept as ${join(other.home, kept)}`)
    expect(readFileSync(join(other.home, kept), 'utf8')).toBe(text)
    expect(await login(other, ['--ca-file', ready.caFile])).toMatchObject({ code: 0 })
    expect(await other.run(['status'])).toMatchObject({ code: 0, err: '' })
    other.remove()
  })

  it('of the keys that are torn are kept as .bad too, and a sign-in is asked for', async () => {
    const other = new Portico('portico broken ü ')
    expect(await login(other, ['--ca-file', ready.caFile])).toMatchObject({ code: 0 })
    const vault = join(other.home, 'vault')
    for (const name of readdirSync(vault).filter(one => one.includes('localhost'))) writeFileSync(join(vault, name), 'torn')
    const listed = await other.run(['db', 'ls', '--json'])
    expect([listed.code, listed.json().error.code]).toEqual([3, 'login/required'])
    expect(listed.err).toContain('.bad')
    expect(readdirSync(vault).some(name => name.endsWith('.bad'))).toBe(true)
    other.remove()
  })
})

/** A real disk of 128 kB; only root may mount one. */
const disk = mkdtempSync(join(tmpdir(), 'portico-disk-'))
const mounted =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', disk]).status === 0
afterAll(() => {
  if (mounted) spawnSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
})

describe('a full disk', () => {
  it.runIf(mounted)('is called so by a sign-in, which keeps what was there', async () => {
    const env = { PORTICO_HOME: join(disk, 'home') }
    expect(await login(portico, ['--ca-file', ready.caFile], env)).toMatchObject({ code: 0 })
    const before = readFileSync(join(disk, 'home', 'state.json'), 'utf8')
    expect(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(1_000_000))).toThrow('ENOSPC')
    const { code, json } = await login(portico, ['--ca-file', ready.caFile], env)
    expect([code, json().error]).toEqual([1, expect.objectContaining({ code: 'state/disk-full' })])
    expect(readFileSync(join(disk, 'home', 'state.json'), 'utf8')).toBe(before)
    const listed = await portico.run(['db', 'ls', '--json'], { env })
    expect([listed.code, listed.json().databases.length]).toEqual([0, 1])
  })

  it.runIf(existsSync('/dev/full'))('behind standard output ends a command with a failure, not with a stack', async () => {
    const full = openSync('/dev/full', 'w')
    const ran = spawnSync(process.execPath, [COMMAND, 'help', 'errors'], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' })
    closeSync(full)
    expect([ran.status, ran.stderr]).toEqual([1, ''])
  })
})
