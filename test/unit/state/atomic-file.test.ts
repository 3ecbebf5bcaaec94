import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { diskError, readFileIfThere, setAside, writeFileAtomic } from '../../../electron/state/atomic-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portico-file-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})
const errno = (code: string): Error => Object.assign(new Error(code), { code })

describe('atomic files', () => {
  it('replace the old content, for the owner only, and leave nothing beside it', async () => {
    const path = join(folder, 'sub', 'file')
    await writeFileAtomic(path, 'one')
    await writeFileAtomic(path, 'two')
    expect(readFileSync(path, 'utf8')).toBe('two')
    expect(readdirSync(join(folder, 'sub'))).toEqual(['file'])
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('keep the old content when the new one cannot be put there', async () => {
    const path = join(folder, 'file')
    rmSync(path, { force: true })
    await writeFileAtomic(join(path, 'inside'), 'x')
    await expect(writeFileAtomic(path, 'two')).rejects.toMatchObject({ code: 'state/unwritable' })
    expect(readFileSync(join(path, 'inside'), 'utf8')).toBe('x')
    expect(readdirSync(folder)).toEqual(['file'])
  })

  it('say in words what the disk said', () => {
    expect(diskError(errno('ENOSPC'), '/p')).toMatchObject({ code: 'state/disk-full', facts: { path: '/p' } })
    expect(diskError(errno('EDQUOT'), '/p').code).toBe('state/disk-full')
    for (const code of ['EROFS', 'EACCES', 'EPERM', 'EWHATEVER']) expect(diskError(errno(code), '/p').code).toBe('state/unwritable')
    expect(diskError(errno('EROFS'), '/p').facts['why']).toBe('the disk is read-only')
  })

  it('are read up to a limit, and a missing one is no error', async () => {
    const path = join(folder, 'file')
    expect(await readFileIfThere(path, 10)).toBeUndefined()
    writeFileSync(path, '12345678901')
    await expect(readFileIfThere(path, 10)).rejects.toMatchObject({ code: 'state/unwritable' })
    expect(await readFileIfThere(path, 11)).toBe('12345678901')
  })

  it('are set aside under a name that was free', async () => {
    const path = join(folder, 'state.json')
    const kept: string[] = []
    for (const text of ['a', 'b', 'c']) {
      writeFileSync(path, text)
      kept.push(await setAside(path))
    }
    expect(kept.map(file => readFileSync(file, 'utf8'))).toEqual(['a', 'b', 'c'])
    expect(existsSync(path)).toBe(false)
  })
})
