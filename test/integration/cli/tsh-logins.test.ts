import { createPublicKey } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openHome } from '../../../electron/state/home.ts'
import { openProfiles } from '../../../electron/state/profiles.ts'
import { openVault } from '../../../electron/state/vault.ts'
import { formatSshKey } from '../../../electron/wire/ssh-keys.ts'
import { Portico, type Staying } from './portico.ts'

const cluster = new Portico('portico-tsh-cluster-')
const signedIn = new Portico('portico-tsh-first-')
const other = new Portico('portico-tsh-other-')
const tsh = mkdtempSync(join(tmpdir(), 'portico-dot-tsh-'))
let server: Staying
let proxy: string
let caFile: string

/** Lays out a login of ours as tsh does. wire: the profile directory of Teleport 13 */
async function writeAsTsh(): Promise<void> {
  const home = openHome(signedIn.env(), process.platform)
  const profiles = await openProfiles(home, openVault(home, { env: signedIn.env() }))
  const profile = profiles.current()!
  const keys = (await profiles.keys(profile.proxy))!
  profiles.close()
  const folder = join(tsh, 'keys', 'localhost')
  mkdirSync(join(folder, 'alice-ssh'), { recursive: true })
  mkdirSync(join(folder, 'cas'))
  writeFileSync(join(folder, 'alice'), keys.sshKey)
  writeFileSync(join(folder, 'alice.key'), keys.tlsKey)
  writeFileSync(join(folder, 'alice.pub'), `${formatSshKey(createPublicKey(keys.sshKey))}\n`)
  writeFileSync(join(folder, 'alice.crt'), keys.tlsCert)
  writeFileSync(join(folder, 'alice-ssh', `${profile.cluster}-cert.pub`), keys.sshCert)
  for (const ca of profile.hostCas) writeFileSync(join(folder, 'cas', `${ca.cluster}.pem`), ca.tls.join('\n'))
  writeFileSync(join(tsh, 'localhost.yaml'), `web_proxy_addr: ${profile.proxy}\nuser: alice\ncluster: ${profile.cluster}\n`)
  writeFileSync(join(tsh, 'current-profile'), 'localhost\n')
}

const listing = (): readonly string[] =>
  readdirSync(tsh, { recursive: true, encoding: 'utf8' }).map(name => `${name} ${statSync(join(tsh, name)).mtimeMs}`)

beforeAll(async () => {
  server = cluster.stay(['lab', '--listen', '127.0.0.1:0', '--json'])
  const ready = await server.line(line => line.event === 'ready')
  proxy = ready.proxy
  caFile = ready.caFile
  const login = await signedIn.run(['login', '--proxy', proxy, '--user', 'alice', '--ca-file', caFile, '--password-stdin'], {
    input: `${ready.password}\n`,
  })
  expect(login.code).toBe(0)
  await writeAsTsh()
}, 90_000)

afterAll(async () => {
  await server.end()
  for (const one of [cluster, signedIn, other]) one.remove()
  rmSync(tsh, { recursive: true, force: true })
}, 30_000)

const env = (): Record<string, string> => ({ TELEPORT_HOME: tsh, SSL_CERT_FILE: caFile })

it('offers a login of tsh without using it by itself', async () => {
  const { code, json } = await other.run(['status', '--json'], { env: env() })
  expect(code).toBe(0)
  expect(json().profiles).toMatchObject([{ proxy, user: 'alice', source: 'tsh', current: false, expired: false }])
  expect((await other.run(['db', 'ls', '--json'], { env: env() })).code).toBe(3)
})

it('lists databases with it when it is named, and after `use`', async () => {
  const named = await other.run(['db', 'ls', '--json', '--proxy', proxy], { env: env() })
  expect(named.json().databases.map((one: any) => one.name)).toContain('orders')
  expect((await other.run(['use', proxy], { env: env() })).code).toBe(0)
  expect((await other.run(['db', 'ls', '--json'], { env: env() })).code).toBe(0)
  expect((await other.run(['status', '--json'], { env: env() })).json().profiles).toMatchObject([{ source: 'tsh', current: true }])
})

it('opens a tunnel with it', async () => {
  const tunnel = other.stay(['proxy', 'db', 'orders', '-p', '0', '--json'], env())
  expect(await tunnel.line(line => line.event === 'open')).toMatchObject({ name: 'orders', protocol: 'postgres' })
  expect(await tunnel.end()).toBe(0)
})

it('never changes, copies or ends it', async () => {
  const before = listing()
  const ended = await other.run(['logout', '--proxy', proxy, '--json'], { env: env() })
  expect(ended.code).not.toBe(0)
  expect(ended.out).toContain('tsh logout')
  expect((await other.run(['logout', '--all'], { env: env() })).code).toBe(0)
  expect(listing()).toEqual(before)
  expect(existsSync(join(other.home, 'vault')) ? readdirSync(join(other.home, 'vault')) : []).not.toContain(
    expect.stringContaining('localhost'),
  )
})

it('takes a login of ours first, while it lasts', async () => {
  expect((await signedIn.run(['status', '--json'], { env: env() })).json().profiles).toMatchObject([{ source: 'portico' }])
})

it('is a home without logins when tsh has none', async () => {
  const nobody = await other.run(['status', '--json'], { env: { TELEPORT_HOME: other.home } })
  expect([nobody.code, nobody.json().profiles]).toEqual([3, []])
})
