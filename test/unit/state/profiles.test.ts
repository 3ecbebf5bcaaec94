import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Home } from '../../../electron/state/home.ts'
import { openProfiles, type Profiles } from '../../../electron/state/profiles.ts'
import { openVault } from '../../../electron/state/vault.ts'
import { databaseId } from '../../../shared/ids.ts'
import { KEYS, sampleProfile } from './profile-samples.ts'
import { temporaryHome } from './temporary-home.ts'

const ENV = { PORTICO_KEYRING: 'off' }
let home: Home
let profiles: Profiles
const open = (): Promise<Profiles> => openProfiles(home, openVault(home, { env: ENV }))
beforeEach(async () => {
  home = temporaryHome()
  profiles = await open()
  return () => profiles.close()
})

describe('profiles', () => {
  it('start empty and come back from disk as they were saved', async () => {
    expect(profiles.list()).toEqual([])
    expect(profiles.current()).toBeUndefined()
    const saved = sampleProfile('b.example:443', { trust: { extraRoots: ['PEM'], caPin: 'sha256:00', insecure: false } })
    await profiles.save(saved, KEYS)
    await profiles.save(sampleProfile('a.example:3080'), KEYS)
    const again = await open()
    expect(again.list().map(profile => profile.proxy)).toEqual(['a.example:3080', 'b.example:443'])
    expect(again.get('b.example:443')).toEqual(saved)
    expect(again.get('a.example:3080')).toEqual(sampleProfile('a.example:3080'))
    expect(again.current()?.proxy).toBe('a.example:3080')
    expect(await again.keys('b.example:443')).toEqual(KEYS)
    again.close()
  })

  it('forget keys and profile at sign-out and make another one current', async () => {
    await profiles.save(sampleProfile('a:1'), KEYS)
    await profiles.save(sampleProfile('b:1'), KEYS)
    await profiles.remove('b:1')
    await profiles.remove('b:1')
    expect(profiles.current()?.proxy).toBe('a:1')
    expect(await profiles.keys('b:1')).toBeUndefined()
    await profiles.remove('a:1')
    expect(profiles.current()).toBeUndefined()
    expect(readdirSync(home.vault).filter(name => name.endsWith('.json'))).toEqual([])
  })

  it('know no names that every object has', async () => {
    expect(profiles.get('constructor')).toBeUndefined()
    expect(await profiles.use('__proto__')).toBe(false)
  })

  it('remember the last values of a resource beyond a sign-out', async () => {
    const id = databaseId('root.example', 'orders')
    await profiles.save(sampleProfile('a:1'), KEYS)
    await profiles.remember(id, { databaseUser: 'alice', databaseName: 'shop' })
    await profiles.remember(id, { port: 24_017, databaseName: undefined })
    await profiles.remove('a:1')
    expect((await open()).remembered(id)).toEqual({ databaseUser: 'alice', databaseName: 'shop', port: 24_017 })
    expect(profiles.remembered(databaseId('root.example', 'other'))).toEqual({})
  })

  it('keep fields that a newer version wrote', async () => {
    await profiles.save(sampleProfile('a:1'), KEYS)
    const state = JSON.parse(readFileSync(home.stateFile, 'utf8')) as {
      profiles: Record<string, Record<string, unknown>>
      favourites?: unknown
    }
    state.favourites = ['x']
    state.profiles['a:1']!['colour'] = 'red'
    writeFileSync(home.stateFile, JSON.stringify({ ...state, version: 2 }))
    await profiles.update('a:1', { serverVersion: '14.0.0' })
    const after = JSON.parse(readFileSync(home.stateFile, 'utf8')) as unknown
    expect(after).toMatchObject({ version: 2, favourites: ['x'], profiles: { 'a:1': { colour: 'red', serverVersion: '14.0.0' } } })
  })

  for (const [what, text] of [
    ['torn', '{"version":1,"profi'],
    ['foreign', '{"hello":"world"}'],
    ['binary', '\u0000\u0001'],
    ['empty', ''],
    ['an array', '[]'],
  ] as const) {
    it(`set a state file aside that is ${what}, say so and start clean`, async () => {
      writeFileSync(home.stateFile, text)
      writeFileSync(`${home.stateFile}.bad`, 'an earlier one')
      const again = await open()
      expect(again.list()).toEqual([])
      expect(
        again
          .notices()
          .map(notice => notice.text)
          .join(),
      ).toContain(`${home.stateFile}.1.bad`)
      expect(readFileSync(`${home.stateFile}.1.bad`, 'utf8')).toBe(text)
      expect(readFileSync(`${home.stateFile}.bad`, 'utf8')).toBe('an earlier one')
      await again.save(sampleProfile('a:1'), KEYS)
      expect((await open()).notices()).toEqual([])
      again.close()
    })
  }

  it('tell when another process signed in', async () => {
    const told = new Promise<void>(resolve => {
      profiles.onChange(resolve)
    })
    const other = await open()
    await other.save(sampleProfile('elsewhere:443'), KEYS)
    await told
    expect(profiles.get('elsewhere:443')?.user).toBe('alice')
    expect(await profiles.keys('elsewhere:443')).toEqual(KEYS)
    other.close()
  })

  it('are all there after two processes wrote at once', async () => {
    const program = join(home.root, 'write-many.mjs')
    const entry = new URL('./write-many.ts', import.meta.url).pathname
    await build({
      configFile: false,
      logLevel: 'silent',
      ssr: { noExternal: true, external: ['@napi-rs/keyring'] },
      build: { ssr: entry, outDir: home.root, emptyOutDir: false, rollupOptions: { output: { entryFileNames: 'write-many.mjs' } } },
    })
    const run = (name: string): Promise<number | null> =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [program, name, '20'], {
          env: { ...process.env, ...ENV, PORTICO_HOME: home.root, ELECTRON_RUN_AS_NODE: '1' },
          stdio: 'inherit',
        })
        child.once('error', reject)
        child.once('exit', resolve)
      })
    const here = (async () => {
      for (let n = 0; n < 20; n += 1) await profiles.save(sampleProfile(`here-${n}:443`), KEYS)
    })()
    expect(await Promise.all([run('one'), run('two'), here])).toEqual([0, 0, undefined])
    await profiles.refresh()
    expect(profiles.list()).toHaveLength(60)
    for (const name of ['one-19', 'two-0', 'here-7']) expect(await profiles.keys(`${name}:443`)).toEqual(KEYS)
    expect(existsSync(`${home.stateFile}.lock`)).toBe(false)
  }, 30_000)
})
