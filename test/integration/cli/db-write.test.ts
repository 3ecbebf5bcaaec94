import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Portico, type Ran, type Staying } from './portico.ts'

const exec = promisify(execFile)
const hasPsql = await exec('psql', ['--version']).then(
  () => true,
  () => false,
)

/** `db login --write` on a machine with files of the user's own. */
const portico = new Portico('portico write é ')
const userHome = join(portico.home, 'user')
const service = join(userHome, '.pg_service.conf')
const THEIRS = '# mine\r\n[prod]\r\nhost=db.example\r\n'
let lab: Staying
let ready: any

const run = (...args: string[]): Promise<Ran> => portico.run(args, { env: { HOME: userHome, USERPROFILE: userHome } })
const login = (): Promise<Ran> =>
  portico.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile, '--password-stdin'], {
    input: `${ready.password}\n`,
  })

beforeAll(async () => {
  mkdirSync(userHome)
  lab = portico.stay(['lab', '--listen', '127.0.0.1:0', '--json'])
  ready = await lab.line(line => line.event === 'ready')
}, 90_000)
beforeEach(async () => {
  writeFileSync(service, THEIRS)
  expect((await login()).code).toBe(0)
})
afterAll(async () => {
  await lab.end()
  portico.remove()
}, 30_000)

describe('portico db login --write', () => {
  it('adds a section beside those of others, which logout takes out again', async () => {
    const told = (await run('db', 'login', 'orders', '--write', '--json')).json()
    expect(told.written).toEqual({ file: service, section: 'lab-orders' })
    const text = readFileSync(service, 'utf8')
    expect(text.startsWith(THEIRS)).toBe(true)
    expect(text.replaceAll('\r\n', '')).not.toContain('\n')
    expect((await run('db', 'login', 'orders', '--write')).code).toBe(0)
    expect(readFileSync(service, 'utf8')).toBe(text)
    if (hasPsql) {
      const env = { ...process.env, HOME: userHome, PGSERVICEFILE: service, PGSERVICE: 'lab-orders' }
      expect((await exec('psql', ['-XAtc', 'select current_user, current_database()'], { env })).stdout).toBe('alice|shop\n')
    }
    expect((await run('db', 'logout', 'orders')).code).toBe(0)
    expect(readFileSync(service, 'utf8')).toBe(THEIRS)
    expect((await run('logout')).code).toBe(0)
  })

  it('keeps the section in step, and a logout of everything finds it', async () => {
    await run('db', 'login', 'orders', '--write')
    await run('db', 'login', 'orders', '--db-user', 'reader')
    expect(readFileSync(service, 'utf8')).toContain('\r\nuser=reader\r\n')
    // What the sign-in to the database was for is what a client is told.
    expect((await run('db', 'config', 'orders', '--format', 'json')).json()).toMatchObject({ user: 'reader' })
    expect((await run('db', 'login', 'metrics', '--write')).code).toBe(0)
    expect((await run('logout', '--all')).code).toBe(0)
    expect(readFileSync(service, 'utf8')).toBe(THEIRS)
    expect(readdirSync(join(portico.home, 'files'))).toEqual([])
  })

  it('writes nothing unless asked, nor over a section of somebody else', async () => {
    await run('db', 'login', 'orders')
    expect(readFileSync(service, 'utf8')).toBe(THEIRS)
    const own = '[lab-orders]\nhost=mine\n'
    writeFileSync(service, own)
    const refused = await run('db', 'login', 'orders', '--write')
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('did not write')])
    await run('logout')
    expect(readFileSync(service, 'utf8')).toBe(own)
  })

  it('gives both of two that write at the same moment', async () => {
    const both = await Promise.all(['orders', 'metrics', 'archive'].map(name => run('db', 'login', name, '--write', '--json')))
    expect(both.map(({ code }) => code)).toEqual([0, 0, 0])
    const text = readFileSync(service, 'utf8')
    for (const name of ['orders', 'metrics', 'archive']) expect(text).toContain(`[lab-${name}]`)
    const same = await Promise.all([run('db', 'login', 'orders', '--json'), run('db', 'login', 'orders', '--json')])
    const { cert, key } = same[0]!.json()
    expect(same.map(({ code }) => code)).toEqual([0, 0])
    await exec('openssl', ['x509', '-in', cert, '-noout', '-checkend', '0'])
    expect(readFileSync(join(cert, '..', 'cert-and-key.pem'), 'utf8')).toBe(
      `${readFileSync(cert, 'utf8').trimEnd()}\n${readFileSync(key, 'utf8').trimEnd()}\n`,
    )
    await run('logout')
    expect(readFileSync(service, 'utf8')).toBe(THEIRS)
    expect(readdirSync(userHome)).toEqual(['.pg_service.conf'])
  })

  it('says politely when the file cannot be written, and leaves no key behind when one cannot be cleaned', async () => {
    // A folder in its place cannot be written by anybody, root included.
    const folder = join(userHome, 'read-only')
    mkdirSync(folder, { recursive: true })
    const env = { HOME: userHome, PGSERVICEFILE: folder }
    const refused = await portico.run(['db', 'login', 'orders', '--write', '--json'], { env })
    expect([refused.code, refused.json().error]).toEqual([1, expect.objectContaining({ code: 'state/unwritable' })])
    expect((await run('logout', '--json')).json().error).toMatchObject({ code: 'state/unwritable' })
    const files = readdirSync(join(portico.home, 'files'), { recursive: true }).map(String)
    expect(files.filter(name => name.endsWith('.pem'))).toEqual([])
    expect((await run('status')).code).toBe(3)
    rmSync(folder, { recursive: true })
  })
})

describe('portico db logout', () => {
  it('of a database that nobody signed in to ends with 4', async () => {
    const { code, out } = await run('db', 'logout', 'nosuch', '--json')
    expect([code, JSON.parse(out).error]).toEqual([4, expect.objectContaining({ code: 'resource/not-found' })])
    expect((await run('db', 'logout')).code).toBe(0)
  })
})

describe('files of the home that were cut short or swapped', () => {
  const vaultFile = (): string =>
    join(
      portico.home,
      'vault',
      readdirSync(join(portico.home, 'vault')).find(name => name.startsWith('localhost'))!,
    )
  const answer = async (...args: string[]): Promise<unknown> => {
    const { code, out } = await run(...args, '--json')
    return [code, JSON.parse(out).error?.code]
  }

  it('lead to a new sign-in when they are the keys', async () => {
    const whole = readFileSync(vaultFile(), 'utf8')
    for (const text of ['', whole.slice(0, whole.length / 2), whole.replace(/"sealed":"..../, '"sealed":"AAAA')]) {
      writeFileSync(vaultFile(), text)
      expect(await answer('db', 'login', 'orders')).toEqual([3, 'login/required'])
      expect((await login()).code).toBe(0)
    }
  })

  it('are told when they are the authorities of the cluster', async () => {
    const file = join(portico.home, 'state.json')
    const whole = readFileSync(file, 'utf8')
    for (const wrong of ['-----BEGIN CERTIFICATE-----\\nMIIB', ''])
      for (const verb of ['ls', 'login']) {
        writeFileSync(file, whole.replaceAll(/("tls":\s*\[\s*")[^"]*"/g, `$1${wrong}"`))
        expect(await answer('db', verb, ...(verb === 'ls' ? [] : ['orders']))).toEqual([1, 'proxy/untrusted'])
      }
    writeFileSync(file, whole)
  })

  it('are written anew when a client was to read them', async () => {
    const { cert, key, ca } = (await run('db', 'login', 'orders', '--json')).json()
    writeFileSync(cert, readFileSync(key))
    writeFileSync(key, 'half')
    writeFileSync(ca, '')
    writeFileSync(join(cert, '..', 'login.json'), '{"sections":')
    const again = (await run('db', 'login', 'orders', '--json')).json()
    expect(again).toMatchObject({ cert, key, ca })
    await exec('openssl', ['x509', '-in', cert, '-noout'])
    expect(existsSync(ca) && readFileSync(ca, 'utf8')).toContain('BEGIN CERTIFICATE')
    expect((await run('logout')).code).toBe(0)
  })
})
