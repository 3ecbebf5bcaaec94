import { createPublicKey } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readTshLogins } from '../../../../electron/client/tsh/read-tsh-logins.ts'
import { readKnownHosts } from '../../../../electron/client/tsh/tsh-authorities.ts'

const captured = (name: string): string => fileURLToPath(new URL(`../../../vectors/profile/${name}`, import.meta.url))
let base: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'portico-tsh-'))
})
afterEach(() => rm(base, { recursive: true, force: true }))

const copy = (name: string): Promise<void> => cp(captured(name), base, { recursive: true })
const keys = (...path: string[]): string => join(base, 'keys', 'localhost', ...path)

it('reads a login whole', async () => {
  await copy('01-login')
  const [login, ...others] = await readTshLogins(base)
  expect(others).toEqual([])
  expect(login).toMatchObject({ proxy: 'localhost:13080', cluster: 'root.example', user: 'alice', current: true })
  expect(login!.roles.length).toBeGreaterThan(0)
  expect(login!.files.tlsKey).toBe(await readFile(keys('alice'), 'utf8'))
  expect(login!.hostCas.map(({ cluster }) => cluster).sort()).toEqual(['leaf.example', 'root.example'])
  for (const { tls, ssh } of login!.hostCas) expect([tls.length, ssh.length]).toEqual([1, 1])
})

it('takes the root for the cluster when tsh is logged in to a leaf', async () => {
  await copy('30-login-leaf')
  expect(await readTshLogins(base)).toMatchObject([{ cluster: 'root.example', user: 'alice' }])
})

it('reads every profile and says which one tsh would use', async () => {
  await copy('12-two-profiles')
  const logins = await readTshLogins(base)
  expect(logins.map(({ cluster }) => cluster).sort()).toEqual(['root.example', 'second.example'])
  expect(logins.filter(({ current }) => current)).toHaveLength(1)
})

it('leaves out a profile that is logged out', async () => {
  await copy('14-logout-one-of-two')
  expect(await readTshLogins(base)).toHaveLength(1)
})

it('reads the names that newer versions give to key and certificate', async () => {
  await copy('01-login')
  await cp(keys('alice'), keys('alice.key'))
  await cp(keys('alice-x509.pem'), keys('alice.crt'))
  await rm(keys('alice-x509.pem'))
  expect(await readTshLogins(base)).toHaveLength(1)
})

it.each([
  ['a certificate that is cut short', () => truncate(keys('alice-x509.pem'), 300)],
  ['a certificate of another key', () => cp(captured('12-two-profiles/keys/127.0.0.1/alice-x509.pem'), keys('alice-x509.pem'))],
  [
    'a key that lives in hardware',
    () => writeFile(keys('alice'), '-----BEGIN PIV YUBIKEY PRIVATE KEY-----\ne30=\n-----END PIV YUBIKEY PRIVATE KEY-----\n'),
  ],
  ['no certificate for SSH', () => rm(keys('alice-ssh'), { recursive: true })],
  ['no authorities', () => rm(keys('cas'), { recursive: true }).then(() => rm(keys('certs.pem')))],
  ['a user that names another folder', () => writeFile(join(base, 'localhost.yaml'), 'web_proxy_addr: localhost:1\nuser: ../alice\n')],
  ['settings that are no YAML', () => writeFile(join(base, 'localhost.yaml'), '\t{')],
  ['settings without an address', () => writeFile(join(base, 'localhost.yaml'), 'user: alice\n')],
])('offers nothing from a profile with %s', async (_what, spoil) => {
  await copy('01-login')
  await spoil()
  expect(await readTshLogins(base)).toEqual([])
})

it('falls back on certs.pem only without the folder of authorities', async () => {
  await copy('01-login')
  await rm(keys('cas'), { recursive: true })
  const [login] = await readTshLogins(base)
  expect(login!.hostCas.map(({ cluster }) => cluster).sort()).toEqual(['leaf.example', 'root.example'])
})

it('tolerates a stray file among the authorities', async () => {
  await copy('01-login')
  await writeFile(keys('cas', 'notes.txt'), 'remember the milk')
  expect(await readTshLogins(base)).toHaveLength(1)
})

it('takes SSH authorities of this proxy, and lines of older versions that name none', () => {
  const text = [
    '@cert-authority localhost,root.example,*.root.example ssh-rsa AAAA1 type=host',
    '@cert-authority other.test,root.example,*.root.example ssh-rsa AAAA2 type=host',
    '@cert-authority root.example,*.root.example ssh-ed25519 AAAA3',
    'root.example ssh-rsa AAAA4',
    '# a comment',
  ].join('\n')
  expect(readKnownHosts(text, 'localhost')).toEqual(new Map([['root.example', ['ssh-rsa AAAA1', 'ssh-ed25519 AAAA3']]]))
})

it('finds nothing where tsh never was, and changes nothing where it is', async () => {
  expect(await readTshLogins(join(base, 'nowhere'))).toEqual([])
  await copy('01-login')
  const before = await readdir(base, { recursive: true })
  const [login] = await readTshLogins(base)
  expect(await readdir(base, { recursive: true })).toEqual(before)
  expect(createPublicKey(login!.files.tlsKey).asymmetricKeyType).toBe('rsa')
})
