import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { exportLog } from '../../../electron/log/export-log.ts'
import { openLog, type OpenLog } from '../../../electron/log/open-log.ts'
import { readLog } from '../../../electron/log/read-log.ts'

let folder: string
let log: OpenLog
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portico log '))
  log = openLog({ folder, level: 'debug', rotation: { bytes: 40_000, files: 3 } })
})
afterEach(() => {
  log.close()
  rmSync(folder, { recursive: true, force: true })
})

const eventsOf = (entries: readonly { event: string }[]): string[] => entries.map(({ event }) => event)

test('the newest lines come back, oldest first, at or above a level', async () => {
  log.info('a.one', { port: 1 })
  log.debug('a.two')
  log.warn('a.three', {}, new Error('broke'))
  log.error('a.four', { names: ['x', 'é'] })
  expect(eventsOf(await readLog(folder, { limit: 2, level: 'debug' }))).toEqual(['a.three', 'a.four'])
  const [one, three, four] = await readLog(folder, { limit: 9, level: 'info' })
  expect(one).toEqual({ at: expect.any(Number) as number, level: 'info', event: 'a.one', facts: { port: 1 } })
  expect(Math.abs(one!.at - Date.now())).toBeLessThan(5_000)
  expect(three?.facts['error']).toMatch(/^Error: broke\n/)
  expect(four?.facts).toEqual({ names: ['x', 'é'] })
  expect(eventsOf(await readLog(folder, { limit: 9, level: 'error' }))).toEqual(['a.four'])
})

test('lines are found through blocks and rotated files, none twice and none lost', async () => {
  for (let n = 0; n < 900; n += 1) log.info(`n.${n}`, { text: 'é'.repeat(n % 60) })
  const all = eventsOf(await readLog(folder, { limit: 2_000, level: 'info' }))
  expect(all.length).toBeGreaterThan(400)
  expect(all).toEqual(Array.from({ length: all.length }, (_, n) => `n.${900 - all.length + n}`))
  expect(eventsOf(await readLog(folder, { limit: 3, level: 'info' }))).toEqual(['n.897', 'n.898', 'n.899'])
})

test('what is no line of the log is passed over: torn, foreign, huge, binary', async () => {
  log.info('a.good')
  const path = join(folder, 'portico.log')
  appendFileSync(path, '{"level":"info","time":"2026-01-01T00:00:00.000Z","event":"a.torn","x":"\n')
  appendFileSync(
    path,
    'plain words\n\n\n[1]\nnull\n7\n{"level":"loud","time":"2026-01-01","event":"x"}\n{"level":"info","time":"when","event":"x"}\n',
  )
  appendFileSync(path, Buffer.concat([Buffer.alloc(1_000, 0xff), Buffer.from('\n')]))
  appendFileSync(path, `{"level":"info","time":"2026-01-01T00:00:00.000Z","event":"a.long","x":"${'y'.repeat(400_000)}"}\n`)
  log.info('a.last')
  expect(eventsOf(await readLog(folder, { limit: 100, level: 'debug' }))).toEqual(['a.good', 'a.last'])
  expect(await readLog(join(folder, 'nowhere'), { limit: 100, level: 'debug' })).toEqual([])
})

const SECRETS = ['hunter2', 'MIIEvQIBADANBg', 'eyJhbGciOi.abc', 'deep-secret', 'sesame99']
/** As if somebody had logged without removing anything. */
const LEAK = {
  level: 'info',
  time: '2026-01-01T00:00:00.000Z',
  event: 'a.leak',
  password: SECRETS[0],
  text: `-----BEGIN PRIVATE KEY-----\n${SECRETS[1]}\n-----END PRIVATE KEY-----`,
  header: `Authorization: Bearer ${SECRETS[2]}`,
  nested: { list: [{ token: SECRETS[3] }], line: `password=${SECRETS[4]}` },
}

test('secrets are removed once more, also deep inside', async () => {
  writeFileSync(join(folder, 'portico.log'), `${JSON.stringify(LEAK)}\n`)
  const entries = await readLog(folder, { limit: 9, level: 'info' })
  expect(entries).toHaveLength(1)
  for (const secret of SECRETS) expect(JSON.stringify(entries)).not.toContain(secret)
})

test('the exported text holds every line of every file in order, readable, without secrets', async () => {
  for (let n = 0; n < 700; n += 1) log.info(`n.${n}`, { text: 'x'.repeat(40) })
  log.error('a.broke', { proxy: 'p:443' }, new Error('why'))
  appendFileSync(join(folder, 'portico.log'), `torn\n${JSON.stringify(LEAK)}`)
  const target = join(folder, 'export.txt')
  writeFileSync(target, 'an older, longer text'.repeat(100_000))
  await exportLog(folder, target, 'Portico 1 on linux')
  const lines = readFileSync(target, 'utf8').split('\n')
  expect(lines.slice(0, 2)).toEqual(['Portico 1 on linux', ''])
  const numbers = lines.flatMap(line => /^\S+Z info {2}n\.(\d+) \{"text":"x+"\}$/.exec(line)?.[1] ?? [])
  expect(numbers.at(-1)).toBe('699')
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => String(700 - numbers.length + n)))
  expect(lines.find(line => line.includes('a.broke'))).toMatch(/ error a\.broke \{"proxy":"p:443"\}$/)
  expect(lines).toContain('    Error: why')
  expect(lines.some(line => line.includes('a.leak'))).toBe(true)
  for (const secret of SECRETS) expect(lines.join('\n')).not.toContain(secret)
})
