import { mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from '../../../electron/state/lock.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portico-lock-'))
  path = join(folder, 'lock')
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})
const tick = (): Promise<void> => new Promise(done => setTimeout(done, 1))

describe('the lock of a home', () => {
  it('lets one in at a time, in order, and is gone afterwards', async () => {
    const seen: number[] = []
    let inside = 0
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        withLock(path, async () => {
          inside += 1
          expect(inside).toBe(1)
          await tick()
          seen.push(n)
          inside -= 1
        }),
      ),
    )
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(readdirSync(folder)).toEqual([])
  })

  it('is given back when the work fails', async () => {
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await withLock(path, async () => 'yes')).toBe('yes')
  })

  it('is taken over from a process that is gone, and from another one that got its number', async () => {
    const gone = spawnSync(process.execPath, ['-e', '0'], { env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } }).pid
    const holders = [{ pid: gone, start: '1', host: hostname(), id: 'x' }]
    if (process.platform === 'linux') holders.push({ pid: process.pid, start: 'another start', host: hostname(), id: 'x' })
    for (const holder of holders) {
      writeFileSync(path, JSON.stringify(holder))
      expect(await withLock(path, async () => 'mine')).toBe('mine')
      expect(readdirSync(folder)).toEqual([])
    }
  })

  it('is waited for, and then the process that holds it is named', async () => {
    const start = process.platform === 'linux' ? readFileSync(`/proc/${process.ppid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]! : ''
    writeFileSync(path, JSON.stringify({ pid: process.ppid, start, host: hostname(), id: 'x' }))
    await expect(withLock(path, async () => 'mine', 100)).rejects.toMatchObject({
      code: 'state/unwritable',
      facts: { why: expect.stringContaining(String(process.ppid)) },
    })
    setTimeout(() => rmSync(path), 50)
    expect(await withLock(path, async () => 'mine', 2_000)).toBe('mine')
  })

  it('that makes no sense is waited for while fresh and removed when old', async () => {
    writeFileSync(path, 'rubbish')
    await expect(withLock(path, async () => 'mine', 50)).rejects.toMatchObject({ code: 'state/unwritable' })
    utimesSync(path, 1, 1)
    expect(await withLock(path, async () => 'mine', 2_000)).toBe('mine')
  })
})
