import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stablePort } from '../../../electron/app/ports.ts'
import { caPin } from '../../../electron/wire/x509.ts'
import { totpCode } from '../../../electron/wire/totp.ts'
import { Portico, type Staying } from './portico.ts'
import { LAB_NAMES } from '../../kit/lab-databases.ts'

const exec = promisify(execFile)
const hasPsql = spawnSync('psql', ['--version']).status === 0
const portico = new Portico()
const stranger = new Portico('portico-none-')
let lab: Staying
let ready: any

const login = (user = 'alice', home = portico) => {
  const { password } = ready.users.find((one: any) => one.name === user)
  return home.run(['login', '--proxy', ready.proxy, '--user', user, '--ca-file', ready.caFile, '--password-stdin', '--json'], {
    input: `${password}\n`,
  })
}

beforeAll(async () => {
  lab = portico.stay(['lab', '--listen', '127.0.0.1:0', '--json'])
  ready = await lab.line(line => line.event === 'ready')
}, 120_000)

afterAll(async () => {
  expect(await lab.end()).toBe(0)
  portico.remove()
  stranger.remove()
}, 30_000)

describe('portico lab', () => {
  it('says in one line where it is and who may use it', () => {
    expect(ready).toMatchObject({
      proxy: expect.stringMatching(/^localhost:\d+$/),
      cluster: 'lab',
      user: 'alice',
      databases: LAB_NAMES,
      nodes: [],
      kubeClusters: [],
      apps: [],
      leaves: [],
    })
    expect(ready.users.map((user: any) => [user.name, typeof user.password, user.otpSecret])).toEqual([
      ['alice', 'string', null],
      ['bob', 'string', null],
    ])
    expect(existsSync(ready.caFile)).toBe(true)
  })

  it('refuses a second one on the same home, naming the pid', async () => {
    const second = await portico.run(['lab', '--listen', '127.0.0.1:0', '--json'])
    expect(second.code).toBe(1)
    expect(second.json().error).toMatchObject({ code: 'lab/running', message: expect.stringContaining(String(lab.child.pid)) })
  })
})

describe('what prints only', () => {
  it('tells its version', async () => {
    expect((await stranger.run(['version', '--json'])).json()).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      node: process.versions.node,
      electron: null,
    })
  })

  it('lists every error code', async () => {
    const { out, code } = await stranger.run(['help', 'errors'])
    expect(code).toBe(0)
    expect(out).toContain('tunnel/port-in-use')
  })

  it('prints its help for no verb, but JSON where that is asked for', async () => {
    expect(await stranger.run(['db'])).toMatchObject({ code: 0, out: expect.stringContaining('Usage: portico db') })
    for (const args of [['--json'], ['db', '--json']]) {
      const { code, json } = await stranger.run(args)
      expect([code, json().error.code]).toEqual([2, 'usage/invalid'])
    }
  })

  it('ends with 2 and the nearest match for a wrong word', async () => {
    const { code, err, out } = await stranger.run(['staus'])
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^portico: .*status.*\nTry: portico --help\n$/)
    expect(await stranger.run(['help', 'db', 'lss'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Did you mean ls?') })
  })
})

describe('signing in', () => {
  it('ends with 1 for a wrong password', async () => {
    const { code, out } = await stranger.run(
      ['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile, '--password-stdin', '--json'],
      { input: 'wrong\n' },
    )
    expect(code).toBe(1)
    expect(JSON.parse(out).error).toMatchObject({ code: 'login/refused', message: expect.any(String), hint: expect.any(String) })
  })

  it('ends with 3 when a prompt would be needed without a terminal', async () => {
    expect((await stranger.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile])).code).toBe(3)
  })

  it('ends with 1 for an authority that is not known', async () => {
    const { code, out } = await stranger.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--password-stdin', '--json'], {
      input: 'x\n',
    })
    expect([code, JSON.parse(out).error.code]).toEqual([1, 'proxy/untrusted'])
  })

  it('ends with 5 when the proxy is not there', async () => {
    const { code, err } = await stranger.run(['login', '--proxy', '127.0.0.1:1', '--password-stdin'], { input: 'x\n' })
    expect(code).toBe(5)
    expect(err).toMatch(/^portico: Cannot reach 127\.0\.0\.1:1: .+\nTry: .+\n$/)
  })

  it('ends with 3 for every verb that needs a login', async () => {
    for (const verb of [
      ['db', 'ls'],
      ['db', 'env', 'orders'],
      ['db', 'connect', 'orders'],
      ['proxy', 'db', 'orders'],
    ]) {
      const { code, out } = await stranger.run([...verb, '--json'])
      expect([verb, code, JSON.parse(out).error.code]).toEqual([verb, 3, 'login/required'])
    }
    const status = await stranger.run(['status', '--json'])
    expect([status.code, status.json()]).toEqual([3, { profiles: [] }])
  })

  it('takes the password from the first line and keeps the login', async () => {
    const { code, out } = await login()
    expect(code).toBe(0)
    const told = JSON.parse(out)
    expect(told).toMatchObject({ proxy: ready.proxy, cluster: 'lab', user: 'alice', roles: expect.any(Array), logins: ['alice'] })
    expect(Date.parse(told.validUntil)).toBeGreaterThan(Date.now() + 3_600_000)
    const status = await portico.run(['status', '--json'])
    expect(status.code).toBe(0)
    expect(status.json().profiles).toEqual([
      expect.objectContaining({ ...told, kubeUsers: [], kubeGroups: [], expired: false, current: true, source: 'portico' }),
    ])
  })

  it('takes the password from PORTICO_PASSWORD, and knows the profile by another name of this machine', async () => {
    const other = new Portico('portico-env-')
    const proxy = ready.proxy.replace('localhost', '127.0.0.1')
    const signedIn = await other.run(['login', '--proxy', proxy, '--user', 'bob', '--ca-file', ready.caFile, '--json'], {
      env: { PORTICO_PASSWORD: ready.users[1].password },
    })
    expect(signedIn).toMatchObject({ code: 0 })
    expect((await other.run(['use', proxy, '--json'])).code).toBe(0)
    const listed = await other.run(['db', 'ls', '--json', '--proxy', proxy])
    expect(listed.json().databases.map((database: any) => database.name)).toEqual(['metrics'])
    expect((await other.run(['use', 'nowhere.example', '--json'])).code).toBe(4)
    other.remove()
  })
})

describe('a proxy whose authority is not known', () => {
  const other = new Portico('portico-pin-')
  const ask = (...flags: string[]) =>
    other.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--json', ...flags], { env: { PORTICO_PASSWORD: ready.password } })
  afterAll(() => other.remove())

  it('is taken by the pin of its host authority, and by no other', async () => {
    const { profiles } = JSON.parse(readFileSync(join(portico.home, 'state.json'), 'utf8'))
    const pin = caPin(profiles[ready.proxy].hostCas[0].tls[0])
    expect((await ask('--ca-pin', `sha256:${'0'.repeat(64)}`)).json().error.code).toBe('proxy/pin-mismatch')
    expect(await ask('--ca-pin', pin)).toMatchObject({ code: 0 })
    if (hasPsql) expect(await other.run(['db', 'connect', 'orders', '--', '-Atc', 'select 1'])).toMatchObject({ code: 0, out: '1\n' })
  })

  it('is taken unverified on loopback only, with a warning each time', async () => {
    const signedIn = await ask('--insecure')
    expect(signedIn).toMatchObject({ code: 0, err: expect.stringContaining('not verified') })
    expect((await other.run(['db', 'ls'])).err).toContain('not verified')
    const far = await other.run(['login', '--proxy', 'teleport.example.com:443', '--user', 'alice', '--insecure', '--json'], {
      env: { PORTICO_PASSWORD: 'x' },
    })
    expect([far.code, far.json().error.code]).toEqual([2, 'usage/invalid'])
  })
})

describe('databases', () => {
  it('are listed with all that a script needs', async () => {
    const { code, out } = await portico.run(['db', 'ls', '--json'])
    expect(code).toBe(0)
    const { databases } = JSON.parse(out)
    expect(databases.map((database: any) => database.name)).toEqual(LAB_NAMES)
    expect(databases[2]).toMatchObject({
      name: 'orders',
      protocol: 'postgres',
      alpn: [expect.stringMatching(/postgres-ping$/), expect.stringMatching(/postgres$/)],
      description: expect.any(String),
      labels: { 'portico/database': 'shop' },
      uri: expect.any(String),
      cluster: 'lab',
      port: stablePort('lab', 'db', 'orders'),
      tunnel: null,
    })
  })

  it('are found by words and by predicate', async () => {
    const names = async (...flags: string[]) =>
      (await portico.run(['db', 'ls', '--json', ...flags])).json().databases.map((database: any) => database.name)
    expect(await names('--search', 'orders')).toEqual(['orders'])
    expect(await names('--query', 'labels.env == "dev"')).toEqual(['metrics'])
  })

  it('that nobody knows end with 4', async () => {
    for (const verb of [
      ['db', 'connect'],
      ['db', 'env'],
      ['db', 'config'],
      ['db', 'login'],
      ['proxy', 'db'],
    ]) {
      const { code, out } = await portico.run([...verb, 'nosuch', '--json'])
      expect([verb, code, JSON.parse(out).error.code]).toEqual([verb, 4, 'resource/not-found'])
    }
  })

  it.runIf(hasPsql)('are reached by psql, whose exit code is passed on', async () => {
    const read = await portico.run(['db', 'connect', 'orders', '--', '-Atc', 'select current_user, current_database()'])
    expect(read).toMatchObject({ code: 0, out: 'alice|shop\n' })
    const wrong = await portico.run(['db', 'connect', 'orders', '--db-user', 'reader', '--', '-Atc', 'select nothing'])
    expect(wrong.code).toBe(1)
    expect((await portico.run(['db', 'connect', 'orders', '--db-user', 'alice', '--', '--no-such-flag'])).code).not.toBe(0)
    // What nobody got in with is not remembered; what worked is.
    const who = async (...flags: string[]): Promise<string> =>
      (await portico.run(['db', 'connect', 'orders', ...flags, '--', '-Atc', 'select current_user'])).out
    await who('--db-name', 'tipo')
    expect(await who()).toBe('reader\n')
    expect([await who('--db-user', 'alice'), await who()]).toEqual(['alice\n', 'alice\n'])
  })

  it('whose client is missing end with 4, naming the package', async () => {
    const { code, err } = await portico.run(['db', 'connect', 'orders'], { env: { PATH: '/nowhere' } })
    expect(code).toBe(4)
    expect(err).toMatch(/postgresql-client/)
  })

  it('give clients files of their own, which logout removes', async () => {
    const told = (await portico.run(['db', 'login', 'orders', '--json'])).json()
    for (const file of [told.cert, told.key, told.ca]) expect(statSync(file).mode & 0o777).toBe(0o600)
    const config = (await portico.run(['db', 'config', 'orders', '--format', 'json'])).json()
    expect(config).toMatchObject({
      name: 'orders',
      host: 'localhost',
      port: Number(ready.proxy.split(':')[1]),
      user: 'alice',
      database: 'shop',
      cert: told.cert,
      key: told.key,
      ca: told.ca,
    })
    expect((await portico.run(['db', 'config', 'orders'])).out.split('\n')[0]).toBe('Name:      orders')
    expect((await portico.run(['db', 'config', 'orders', '--format', 'toml'])).code).toBe(2)
    expect((await portico.run(['db', 'logout', 'orders'])).code).toBe(0)
    expect(existsSync(told.key)).toBe(false)
  })

  it.runIf(hasPsql)('answer a psql that goes straight to the proxy', async () => {
    const env = (await portico.run(['db', 'env', 'orders', '--json'])).json()
    expect((await exec('psql', ['-Atc', 'select 1'], { env: { ...process.env, ...env } })).stdout).toBe('1\n')
    const lines = (await portico.run(['db', 'env', 'orders'])).out
    expect((await exec('sh', ['-c', `${lines}\npsql -Atc 'select 2'`])).stdout).toBe('2\n')
    const command = (await portico.run(['db', 'config', 'orders', '--format', 'cmd'])).out.trim()
    expect((await exec('sh', ['-c', `${command} -Atc 'select 3'`])).stdout).toBe('3\n')
  })
})

describe('portico proxy db', () => {
  const opened = async (...flags: string[]) => {
    const tunnel = portico.stay(['proxy', 'db', 'orders', '--json', ...flags])
    return { tunnel, open: await tunnel.line(line => line.event === 'open') }
  }

  it('opens the stable port and tells every address', async () => {
    const { tunnel, open } = await opened()
    const port = stablePort('lab', 'db', 'orders')
    expect(open).toMatchObject({
      kind: 'db',
      name: 'orders',
      cluster: 'lab',
      protocol: 'postgres',
      mode: 'authenticated',
      address: { host: '127.0.0.1', port },
      socket: expect.stringMatching(new RegExp(`/\\.s\\.PGSQL\\.${port}$`)),
      url: `postgres://alice@localhost:${port}/shop`,
      jdbc: `jdbc:postgresql://localhost:${port}/shop?user=alice`,
      command: `psql postgres://alice@localhost:${port}/shop`,
    })
    expect(open.addresses).toContain(`127.0.0.1:${port}`)
    if (hasPsql) {
      expect((await exec('sh', ['-c', `${open.command} -Atc 'select 1'`])).stdout).toBe('1\n')
      expect(
        (await exec('psql', ['-h', join(open.socket, '..'), '-p', String(port), '-U', 'alice', '-Atc', 'select 2', 'shop'])).stdout,
      ).toBe('2\n')
      const closed = await tunnel.line(line => line.event === 'connection' && line.state === 'closed')
      expect(closed).toMatchObject({
        from: process.platform === 'linux' ? { pid: expect.any(Number), program: expect.any(String) } : expect.anything(),
        bytesIn: expect.any(Number),
        bytesOut: expect.any(Number),
      })
    }
    const taken = await portico.run(['proxy', 'db', 'orders', '--json'])
    expect(taken.code).toBe(1)
    expect(taken.json().error).toMatchObject({ code: 'tunnel/port-in-use', facts: { port, pid: tunnel.child.pid } })
    expect(await tunnel.end()).toBe(0)
    expect(tunnel.lines.at(-1)).toEqual({ event: 'closed' })
    // Nor is its folder left, in a temp dir that is everybody's.
    expect(existsSync(dirname(open.socket))).toBe(false)
  })

  it('takes any free port, without a socket, and ends with 0 on SIGINT', async () => {
    const { tunnel, open } = await opened('-p', '0', '--no-socket')
    expect(open.socket).toBeNull()
    expect(open.address.port).not.toBe(stablePort('lab', 'db', 'orders'))
    expect(await tunnel.end('SIGINT')).toBe(0)
  })

  it('names the process that holds a port', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
    const { port } = server.address() as { port: number }
    const { code, out } = await portico.run(['proxy', 'db', 'orders', '--port', String(port), '--json'])
    expect([code, JSON.parse(out).error]).toEqual([
      1,
      expect.objectContaining({ code: 'tunnel/port-in-use', message: expect.stringContaining(String(process.pid)) }),
    ])
    server.close()
  })

  it.runIf(hasPsql)('drains an open query on SIGTERM', async () => {
    const { tunnel, open } = await opened('-p', '0')
    const query = exec('psql', [open.url, '-Atc', 'select pg_sleep(1.5), 7'])
    await tunnel.line(line => line.event === 'connection' && line.state === 'open')
    const [code, { stdout }] = await Promise.all([tunnel.end(), query])
    expect([code, stdout]).toEqual([0, '|7\n'])
  })

  it.runIf(hasPsql)('lets a client bring its own certificate in passthrough mode', async () => {
    const { tunnel, open } = await opened('--passthrough', '-p', '0')
    expect(open).toMatchObject({ mode: 'passthrough', url: expect.stringContaining('sslmode=verify-full') })
    expect((await exec('sh', ['-c', `${open.command} -Atc 'select 1'`])).stdout).toBe('1\n')
    expect(await tunnel.end()).toBe(0)
  })

  it('refuses what does not go together', async () => {
    expect((await portico.run(['proxy', 'db', 'orders', '--tunnel', '--passthrough'])).code).toBe(2)
    expect((await portico.run(['proxy', 'db', 'orders', '--port', 'x'])).code).toBe(2)
    expect((await portico.run(['proxy', 'db', 'orders', '--hold', '60'])).code).toBe(2)
    expect((await portico.run(['proxy', 'db', 'orders', '--socket', `/tmp/${'x'.repeat(100)}`])).code).toBe(2)
  })

  it('ends with 143 when it is ended before it is ready', async () => {
    const tunnel = portico.stay(['proxy', 'db', 'orders', '-p', '0', '--json'])
    await new Promise(resolve => setTimeout(resolve, 120))
    const code = await tunnel.end()
    // A fast machine may have been ready already; one that did not get to listening dies of the signal itself.
    expect([143, 0, -1]).toContain(code)
  })
})

describe('signing out', () => {
  it('removes keys, certificates and every file written for clients', async () => {
    await portico.run(['db', 'login', 'orders', '--json'])
    const { code, out } = await portico.run(['logout', '--json'])
    expect([code, JSON.parse(out)]).toEqual([0, { loggedOut: [ready.proxy] }])
    expect(readdirSync(join(portico.home, 'files'))).toEqual([])
    expect(readdirSync(join(portico.home, 'vault')).filter(name => name.includes('localhost'))).toEqual([])
    expect((await portico.run(['status'])).code).toBe(3)
    expect((await portico.run(['logout', '--all'])).code).toBe(0)
  })
})

describe('a cluster that asks for one-time codes', () => {
  it('takes the code from the second line, and tells when one is missing', async () => {
    expect(await lab.end()).toBe(0)
    expect(lab.lines.at(-1)).toEqual({ event: 'closed' })
    lab = portico.stay(['lab', '--listen', '127.0.0.1:0', '--second-factor', 'otp', '--json'])
    ready = await lab.line(line => line.event === 'ready')
    const [alice] = ready.users
    const ask = (input: string, env = {}) =>
      portico.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile, '--password-stdin', '--json'], {
        input,
        env,
      })
    const missing = await ask(`${alice.password}\n`)
    expect([missing.code, missing.json().error.code]).toEqual([3, 'login/code-needed'])
    expect((await ask(`${alice.password}\n000000\n`)).json().error.code).toBe('login/refused')
    expect((await ask(`${alice.password}\n${totpCode(alice.otpSecret, Date.now())}\n`)).code).toBe(0)
  }, 60_000)
})
