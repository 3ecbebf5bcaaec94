import { chmodSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eraseSection, writeSection } from '../../../electron/app/client-profile.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portico profile é '))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string): string => join(folder, name)
const section = (path: string, name = 'lab-orders') => ({ path, section: name, lines: ['host=localhost'], use: [], environment: {} })

describe('a file of the user', () => {
  it('is made for the owner only, and keeps the mode that it has', async () => {
    await writeSection(section(at('new')))
    expect(statSync(at('new')).mode & 0o777).toBe(0o600)
    writeFileSync(at('old'), '[mine]\nhost=a\n')
    chmodSync(at('old'), 0o664)
    await writeSection(section(at('old')))
    expect(statSync(at('old')).mode & 0o777).toBe(0o664)
    await eraseSection(at('old'), 'lab-orders')
    expect(readFileSync(at('old'), 'latin1')).toBe('[mine]\nhost=a\n')
    expect(readdirSync(folder).sort()).toEqual(['new', 'old'])
  })

  it('that is a link stays one, also when nothing is behind it yet', async () => {
    symlinkSync('dotfiles.conf', at('link'))
    await writeSection(section(at('link')))
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true)
    expect(readFileSync(at('dotfiles.conf'), 'utf8')).toContain('[lab-orders]')
    await eraseSection(at('link'), 'lab-orders')
    expect(readFileSync(at('link'), 'utf8')).toBe('')
  })

  it('keeps bytes that are no UTF-8', async () => {
    const bytes = Buffer.from([0x5b, 0x78, 0x5d, 0x0a, 0x70, 0x3d, 0xff, 0xc3, 0x0a])
    writeFileSync(at('latin'), bytes)
    await writeSection(section(at('latin'), 'lab-Größe'))
    expect(readFileSync(at('latin')).subarray(0, bytes.length)).toEqual(bytes)
    expect(readFileSync(at('latin'), 'utf8')).toContain('[lab-Größe]')
    await eraseSection(at('latin'), 'lab-Größe')
    expect(readFileSync(at('latin'))).toEqual(bytes)
  })

  it('gets every section of several who write at the same moment', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `lab-${index}`)
    await Promise.all(names.map(name => writeSection(section(at('busy'), name))))
    const text = readFileSync(at('busy'), 'utf8')
    for (const name of names) expect(text).toContain(`[${name}]\n`)
    await Promise.all(names.map(name => eraseSection(at('busy'), name)))
    expect(readFileSync(at('busy'), 'utf8').trim()).toBe('')
  })

  it('that is not there needs no undo', async () => {
    await eraseSection(at('none'), 'lab-orders')
    expect(readdirSync(folder)).toEqual([])
  })

  it('that is a folder, or too large, is left alone', async () => {
    await expect(writeSection(section(folder))).rejects.toMatchObject({ code: 'state/unwritable' })
    writeFileSync(at('large'), Buffer.alloc(1024 * 1024 + 1))
    await expect(writeSection(section(at('large')))).rejects.toMatchObject({ code: 'state/unwritable' })
  })
})
