import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLog } from '../../../electron/log/open-log.ts'
import { PorticoError } from '../../../shared/errors.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portico-log-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})
const lines = (name = 'portico.log'): Record<string, unknown>[] =>
  readFileSync(join(folder, name), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)

describe('the log', () => {
  it('writes one JSON line an event, at once, readable by the owner only', () => {
    const log = openLog({ folder })
    log.info('tunnel.open', { tunnel: 't1', port: 24017 })
    log.debug('not.written')
    expect(lines()).toEqual([
      { level: 'info', time: expect.any(String), process: process.pid, tunnel: 't1', port: 24017, event: 'tunnel.open' },
    ])
    if (process.platform !== 'win32') expect(statSync(join(folder, 'portico.log')).mode & 0o777).toBe(0o600)
    log.close()
  })

  it('names the failure, and keeps secrets out of facts, events and errors', () => {
    const log = openLog({ folder, level: 'debug' })
    log.error(
      'login.failed',
      { password: 'hunter22', note: 'Bearer abcdef' },
      new PorticoError('login/refused', { why: 'no' }, new Error('cookie: x=hunter22')),
    )
    log.close()
    const text = readFileSync(join(folder, 'portico.log'), 'utf8')
    expect(text).not.toContain('hunter22')
    expect(text).not.toContain('abcdef')
    expect(lines()[0]).toMatchObject({ level: 'error', failure: 'login/refused', event: 'login.failed' })
  })

  it('keeps three files of the given size', () => {
    const log = openLog({ folder, rotation: { bytes: 1_000, files: 3 } })
    for (let n = 0; n < 100; n += 1) log.info('line', { n })
    log.close()
    expect(lines().at(-1)).toMatchObject({ n: 99 })
    for (const name of ['portico.log', 'portico.1.log', 'portico.2.log'])
      expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1_000)
    expect(existsSync(join(folder, 'portico.3.log'))).toBe(false)
  })

  it('shares one file between two writers and loses nothing when one of them rotates', () => {
    const rotation = { bytes: 2_000, files: 20 }
    const [a, b] = [openLog({ folder, rotation }), openLog({ folder, rotation })]
    for (let n = 0; n < 50; n += 1) {
      a.info('a', { n })
      b.info('b', { n })
    }
    a.close()
    b.close()
    const all = Array.from({ length: 20 }, (_, n) => (n === 0 ? 'portico.log' : `portico.${n}.log`))
      .filter(name => existsSync(join(folder, name)))
      .flatMap(name => lines(name))
    expect(all).toHaveLength(100)
  })

  it('goes on when the folder cannot be made or the disk is full', () => {
    writeFileSync(join(folder, 'file'), '')
    const seen: string[] = []
    const log = openLog({ folder: join(folder, 'file', 'logs'), sink: line => seen.push(line) })
    log.info('one')
    log.info('two')
    expect(seen).toHaveLength(2)
    log.close()
  })

  it.runIf(existsSync('/dev/full'))('drops lines instead of throwing while the disk is full', () => {
    symlinkSync('/dev/full', join(folder, 'portico.log'))
    const log = openLog({ folder })
    log.info('one')
    log.info('two')
    log.close()
    log.info('after close')
  })
})
