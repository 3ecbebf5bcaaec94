import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { isOnPath } from '../../electron/build/test-parts.mjs'
import type {} from '../../renderer/bridge.ts'
import {
  accepts,
  emptyHome,
  environment,
  namesOf,
  openAppUnderTest,
  picture,
  processesOf,
  seriousFindings,
  type AppUnderTest,
} from '../kit/app-under-test.ts'

const { home, remove } = emptyHome()
let app: AppUnderTest | undefined
afterAll(async () => {
  await app?.electron.close().catch(() => {})
  remove()
})

const run = promisify(execFile)

/** With the program that people use, where it is installed; else with npm's driver, over the same socket. */
async function readRow(port: number): Promise<string> {
  const sql = 'select current_user, current_database(), 1 + 1'
  if (isOnPath('psql')) {
    const { stdout } = await run('psql', ['-w', '-At', '-h', 'localhost', '-p', String(port), '-U', 'alice', '-d', 'shop', '-c', sql], {
      env: environment(home),
    })
    return stdout.trim()
  }
  const client = new pg.Client({ host: 'localhost', port, user: 'alice', database: 'shop' })
  await client.connect()
  const { rows } = await client.query({ text: sql, rowMode: 'array' })
  await client.end()
  return (rows[0] as unknown[]).join('|')
}

test('from an empty home to a row of a database in three clicks, and nothing is left after quitting', async () => {
  app = await openAppUnderTest(home)
  const { electron, page, errors } = app
  await page.getByRole('heading', { name: 'Connect to your cluster' }).waitFor()
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'welcome-light')

  await page.getByRole('button', { name: 'Start' }).click() // 1
  const connect = page.getByRole('button', { name: 'Connect orders' })
  await connect.waitFor({ timeout: 45_000 })
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'list-light')

  await connect.click() // 2
  await page.getByRole('button', { name: 'Disconnect orders' }).waitFor()
  const address = await page
    .getByRole('row', { name: /orders/ })
    .getByText(/^localhost:\d+$/)
    .first()
    .textContent()
  const port = Number(address?.split(':')[1])
  expect(await readRow(port)).toBe('alice|shop|2')
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'connected-light')

  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'connected-dark')
  expect(errors).toEqual([])

  const { state } = await page.evaluate(async () => {
    const reply = await window.portico!.ask('state.read', {})
    if (!reply.ok) throw new Error(reply.failure.code)
    return reply.value
  })
  const [tunnel] = state.tunnels
  const socket = tunnel?.state === 'open' ? tunnel.socket : null
  const labPort = state.lab.state === 'running' ? Number(state.lab.proxy.split(':').at(-1)) : 0
  expect(await accepts(labPort)).toBe(true)
  if (process.platform !== 'win32') expect(socket !== null && existsSync(socket)).toBe(true)
  const before = processesOf(home, electron.process().pid)

  await electron.close()
  app = undefined
  // The last helpers of Chromium go a moment after the process that Playwright waits for.
  await expect.poll(() => namesOf([...processesOf(home), ...before]), { timeout: 2_000 }).toEqual([])
  expect(await Promise.all([accepts(port), accepts(port, '::1'), accepts(labPort)])).toEqual([false, false, false])
  expect(socket !== null && existsSync(socket)).toBe(false)
})
