import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Home } from '../../../electron/state/home.ts'
import type { Keychain } from '../../../electron/state/vault-key.ts'
import { openVault, type Vault } from '../../../electron/state/vault.ts'
import { KEYS } from './profile-samples.ts'
import { temporaryHome } from './temporary-home.ts'

const ENV = { PORTICO_KEYRING: 'off' }
let home: Home
beforeEach(() => {
  home = temporaryHome()
})
const fileOfOnly = (): string =>
  join(
    home.vault,
    readdirSync(home.vault).find(name => name.endsWith('.json'))!,
  )
const inFile = (): Vault => openVault(home, { env: ENV })

/** Hand-made keychain: keeps secrets in memory, or fails as told. */
function memoryKeychain(): Keychain & { readonly secrets: Map<string, string>; broken: boolean } {
  const secrets = new Map<string, string>()
  const keychain = {
    secrets,
    broken: false,
    read: async (account: string) => {
      if (keychain.broken) throw new Error('locked')
      return secrets.get(account) ?? null
    },
    write: async (account: string, secret: string) => {
      if (keychain.broken) throw new Error('locked')
      secrets.set(account, secret)
    },
  }
  return keychain
}

describe('the vault', () => {
  it('gives back what was saved, also to the next process, and nothing for others', async () => {
    await inFile().save('p:443', KEYS)
    expect(await inFile().load('p:443')).toEqual(KEYS)
    expect(await inFile().load('other:443')).toBeUndefined()
  })

  it('writes nothing in clear and nothing that others may read', async () => {
    await inFile().save('p:443', { ...KEYS, tlsKey: 'very secret' })
    expect(readFileSync(fileOfOnly(), 'utf8')).not.toContain('very secret')
    if (process.platform === 'win32') return
    for (const name of readdirSync(home.vault)) expect(statSync(join(home.vault, name)).mode & 0o777).toBe(0o600)
    expect(statSync(home.vault).mode & 0o777).toBe(0o700)
  })

  for (const [what, damage] of [
    ['cut short', (text: string) => text.slice(0, -20)],
    [
      'changed in one byte',
      (text: string) => text.replace(/"sealed":"(.)/, (_, first: string) => `"sealed":"${first === 'A' ? 'B' : 'A'}`),
    ],
    ['given a shorter tag', (text: string) => text.replace(/"tag":"[^"]+"/, '"tag":"AAAA"')],
    ['something else', () => 'hello'],
  ] as const) {
    it(`sets a file aside that was ${what}; the profile counts as signed out`, async () => {
      await inFile().save('p:443', KEYS)
      const path = fileOfOnly()
      writeFileSync(path, damage(readFileSync(path, 'utf8')))
      const vault = inFile()
      expect(await vault.load('p:443')).toBeUndefined()
      expect(vault.notices.map(notice => notice.text).join()).toContain('.bad')
      expect(existsSync(`${path}.bad`)).toBe(true)
      await vault.save('p:443', KEYS)
      expect(await vault.load('p:443')).toEqual(KEYS)
    })
  }

  it('refuses the file of another profile put in its place', async () => {
    const vault = inFile()
    await vault.save('a:1', KEYS)
    const first = fileOfOnly()
    await vault.save('b:1', KEYS)
    const second = readdirSync(home.vault)
      .map(name => join(home.vault, name))
      .find(path => path.endsWith('.json') && path !== first)!
    writeFileSync(second, readFileSync(first))
    expect(await vault.load('b:1')).toBeUndefined()
  })

  it('puts its key into the keychain and leaves none in the home', async () => {
    const keychain = memoryKeychain()
    const vault = openVault(home, { env: {}, keychain })
    await vault.save('p:443', KEYS)
    expect(vault.notices).toEqual([])
    expect(existsSync(join(home.vault, 'vault-key'))).toBe(false)
    expect(keychain.secrets.size).toBe(1)
    expect(await openVault(home, { env: {}, keychain }).load('p:443')).toEqual(KEYS)
  })

  it('says once that it has no keychain and keeps its key in a file', async () => {
    const keychain = memoryKeychain()
    keychain.broken = true
    const vault = openVault(home, { env: {}, keychain })
    await vault.save('p:443', KEYS)
    expect(vault.notices.map(notice => notice.id)).toEqual(['vault-key-file'])
    const again = openVault(home, { env: {}, keychain })
    expect(await again.load('p:443')).toEqual(KEYS)
    expect(again.notices).toEqual([])
  })

  it('keeps its files while the keychain is locked or has lost the key, and opens them afterwards', async () => {
    const keychain = memoryKeychain()
    await openVault(home, { env: {}, keychain }).save('p:443', KEYS)
    const vault = openVault(home, { env: {}, keychain })
    keychain.broken = true
    await expect(vault.load('p:443')).rejects.toMatchObject({ code: 'vault/locked' })
    keychain.broken = false
    expect(await vault.load('p:443')).toEqual(KEYS)
    keychain.secrets.clear()
    await expect(openVault(home, { env: {}, keychain }).load('p:443')).rejects.toMatchObject({ code: 'vault/locked' })
    expect(existsSync(fileOfOnly())).toBe(true)
  })

  it('does not take a wrong key for a damaged file', async () => {
    await inFile().save('p:443', KEYS)
    rmSync(join(home.vault, 'vault-key'))
    await expect(inFile().load('p:443')).rejects.toMatchObject({ code: 'vault/locked' })
    expect(existsSync(fileOfOnly())).toBe(true)
  })

  it('forgets what is removed, and removing twice is no error', async () => {
    const vault = inFile()
    await vault.save('p:443', KEYS)
    await vault.remove('p:443')
    await vault.remove('p:443')
    expect(await vault.load('p:443')).toBeUndefined()
  })
})
