import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyHome, environment, openAppUnderTest, picture, programOf, seriousFindings, type AppUnderTest } from '../kit/app-under-test.ts'

/** A cluster that the app did not start: unknown authority, and sessions that end while somebody looks. */
const SESSION_SECONDS = 25
const [mine, clusters] = [emptyHome(), emptyHome()]
let lab: ChildProcess
let ready: { proxy: string; caFile: string; user: string; password: string }
let app: AppUnderTest

beforeAll(async () => {
  const args = ['lab', '--json', '--listen', '127.0.0.1:0', '--cert-ttl', `${SESSION_SECONDS}s`]
  lab = spawn(process.execPath, [programOf('cli/portico.mjs'), ...args], {
    env: environment(clusters.home),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  for await (const line of createInterface({ input: lab.stdout! })) {
    ready = JSON.parse(line)
    break
  }
  app = await openAppUnderTest(mine.home)
})
afterAll(async () => {
  await app.electron.close()
  lab.kill('SIGTERM')
  if (lab.exitCode === null) await once(lab, 'exit')
  mine.remove()
  clusters.remove()
})

async function ask(port: number): Promise<unknown> {
  const client = new pg.Client({ host: 'localhost', port, user: 'alice', database: 'shop' })
  await client.connect()
  const { rows } = await client.query('select current_user as who')
  await client.end()
  return rows[0]
}

test('signs in by hand, holds connections when the session ends, and lets them go on', async () => {
  const { electron, page } = app
  await page.getByLabel('Address of your cluster').fill(`https://${ready.proxy}/`)
  await page.getByRole('button', { name: 'Continue' }).click()

  // Nobody knows the lab's authority: the person chooses its file.
  const choose = page.getByRole('button', { name: 'Choose a file to trust…' })
  await choose.waitFor()
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'unknown-authority-light')
  await electron.evaluate(({ dialog }, file) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [file] })
  }, ready.caFile)
  await choose.click()

  await page.getByLabel('User name').fill('alice')
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Sign-in was refused').waitFor()
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'sign-in-refused-light')
  await page.getByLabel('Password').fill(ready.password)
  await page.getByRole('button', { name: 'Sign in' }).click()

  await page.getByRole('button', { name: 'Connect orders' }).click()
  await page.getByRole('button', { name: 'Disconnect orders' }).waitFor()
  const address = await page
    .getByRole('row', { name: /orders/ })
    .getByText(/^localhost:\d+$/)
    .first()
    .textContent()
  const port = Number(address?.split(':')[1])
  expect(await ask(port)).toEqual({ who: 'alice' })

  await page.getByText(/Your session ended/).waitFor({ timeout: (SESSION_SECONDS + 10) * 1000 })
  let answered = false
  const held = ask(port).finally(() => (answered = true))
  await page.getByText(/1 connection on 1 tunnel is waiting/).waitFor()
  expect(answered).toBe(false)
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'session-ended-light')

  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Password').fill(ready.password)
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'sign-in-again-light')
  await dialog.getByRole('button', { name: 'Sign in' }).click()
  expect(await held).toEqual({ who: 'alice' })
  await page.getByText(/Your session ended/).waitFor({ state: 'hidden' })
})
