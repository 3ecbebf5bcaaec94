import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openLog } from '../../../electron/log/open-log.ts'
import { openHome } from '../../../electron/state/home.ts'
import { openProfiles } from '../../../electron/state/profiles.ts'
import { openVault } from '../../../electron/state/vault.ts'
import { KEYS, sampleProfile } from '../../unit/state/profile-samples.ts'

/** A real disk of 256 kB; only root may mount one. */
const disk = mkdtempSync(join(tmpdir(), 'portico-disk-'))
const mounted =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]).status === 0
const remount = (options: string): void => {
  expect(spawnSync('mount', ['-o', `remount,${options}`, disk]).status).toBe(0)
}
afterAll(() => {
  if (mounted) spawnSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
})

describe.runIf(mounted)('a disk that takes no more', () => {
  const open = () => {
    const home = openHome({ PORTICO_HOME: join(disk, 'home'), XDG_RUNTIME_DIR: disk }, process.platform)
    return openProfiles(home, openVault(home, { env: { PORTICO_KEYRING: 'off' } }))
  }

  it('keeps what was saved, says so, and goes on when there is room again', async () => {
    const profiles = await open()
    await profiles.save(sampleProfile('a:1'), KEYS)
    expect(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(1_000_000))).toThrow('ENOSPC')
    await expect(profiles.save(sampleProfile('b:1'), KEYS)).rejects.toMatchObject({ code: 'state/disk-full' })
    const log = openLog({ folder: join(disk, 'home', 'logs') })
    log.info('nowhere.to-go')
    log.close()
    const again = await open()
    expect(again.list().map(profile => profile.proxy)).toEqual(['a:1'])
    expect(await again.keys('a:1')).toEqual(KEYS)
    expect(again.notices()).toEqual([])
    rmSync(join(disk, 'filler'))
    await profiles.save(sampleProfile('b:1'), KEYS)
    expect((await open()).list()).toHaveLength(2)
    expect(readdirSync(join(disk, 'home')).filter(name => /\.(tmp|lock|bad)$/.test(name))).toEqual([])
  })

  it('can still be read when it may not be written', async () => {
    remount('ro')
    try {
      const profiles = await open()
      expect(profiles.list()).toHaveLength(2)
      expect(await profiles.keys('a:1')).toEqual(KEYS)
      await expect(profiles.use('a:1')).rejects.toMatchObject({ code: 'state/unwritable', facts: { why: 'the disk is read-only' } })
    } finally {
      remount('rw')
    }
    expect(readFileSync(join(disk, 'home', 'state.json'), 'utf8')).toContain('"b:1"')
  })
})
