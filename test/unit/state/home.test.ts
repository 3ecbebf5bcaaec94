import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { homeRoot, openHome } from '../../../electron/state/home.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portico-home-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('the home', () => {
  it('is PORTICO_HOME, else where the system keeps such files', () => {
    const at = (env: Record<string, string>, platform: NodeJS.Platform): string => homeRoot(env, platform, '/home/alice')
    expect(at({ PORTICO_HOME: '/x y/é' }, 'linux')).toBe('/x y/é')
    expect(at({ PORTICO_HOME: 'relative' }, 'darwin')).toBe(resolve('relative'))
    expect(at({ PORTICO_HOME: '', XDG_CONFIG_HOME: '/cfg' }, 'linux')).toBe('/cfg/portico')
    expect(at({ XDG_CONFIG_HOME: 'not-absolute' }, 'linux')).toBe('/home/alice/.config/portico')
    expect(at({}, 'linux')).toBe('/home/alice/.config/portico')
    expect(at({}, 'darwin')).toBe('/home/alice/Library/Application Support/Portico')
    expect(at({ APPDATA: '/app' }, 'win32')).toBe(join('/app', 'Portico'))
  })

  it('cannot be made where a file is in the way', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => openHome({ PORTICO_HOME: join(folder, 'file', 'home') }, process.platform)).toThrow(
      expect.objectContaining({ code: 'state/unwritable' }),
    )
  })

  it.skipIf(process.platform === 'win32')('is closed to others, and so is its folder for sockets', () => {
    const home = openHome({ PORTICO_HOME: join(folder, 'home'), XDG_RUNTIME_DIR: folder }, process.platform)
    expect(readdirSync(folder)).toEqual(['home'])
    const sockets = home.makeSocketFolder()!
    expect(sockets).toMatch(new RegExp(`^${folder}/portico-[0-9a-f]{10}$`))
    for (const path of [home.root, sockets]) expect(statSync(path).mode & 0o777).toBe(0o700)
    chmodSync(sockets, 0o755)
    const other = openHome({ PORTICO_HOME: home.root, XDG_RUNTIME_DIR: folder }, process.platform)
    expect(other.makeSocketFolder()).toBe(sockets)
    expect(statSync(sockets).mode & 0o777).toBe(0o700)
    rmdirSync(sockets)
    expect(home.makeSocketFolder()).toBe(sockets)
    expect(existsSync(sockets)).toBe(true)
  })

  it.skipIf(process.platform === 'win32')(
    'takes another socket folder when the runtime folder is missing, too long or prepared by somebody',
    () => {
      const root = join(folder, 'home')
      const normal = openHome({ PORTICO_HOME: root, XDG_RUNTIME_DIR: folder }, process.platform).makeSocketFolder()!
      rmSync(normal, { recursive: true })
      mkdirSync(join(folder, 'trap'))
      symlinkSync(join(folder, 'trap'), normal)
      const long = join(folder, 'x'.repeat(90))
      mkdirSync(long)
      writeFileSync(join(folder, 'no-folder'), '')
      for (const runtime of [folder, long, join(folder, 'no-folder'), 'relative']) {
        const sockets = openHome({ PORTICO_HOME: root, XDG_RUNTIME_DIR: runtime }, process.platform).makeSocketFolder()!
        expect(sockets).not.toBe(normal)
        expect(Buffer.byteLength(sockets)).toBeLessThanOrEqual(80)
        expect(existsSync(sockets)).toBe(true)
        rmSync(sockets, { recursive: true, force: true })
      }
    },
  )

  it('has no socket folder on Windows', () => {
    expect(openHome({ PORTICO_HOME: join(folder, 'home') }, 'win32').makeSocketFolder()).toBeUndefined()
  })
})
