import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyHome, openAppUnderTest, picture, seriousFindings, type AppUnderTest } from '../kit/app-under-test.ts'
import { shortLab, type ShortLab } from '../kit/short-lab.ts'

/** A cluster that the app did not start: unknown authority, and sessions that end while somebody looks. */
const SESSION_SECONDS = 25
const [mine, clusters] = [emptyHome(), emptyHome()]
let lab: ShortLab
let app: AppUnderTest

beforeAll(async () => {
  lab = await shortLab(clusters.home, SESSION_SECONDS)
  app = await openAppUnderTest(mine.home)
})
afterAll(async () => {
  await app.electron.close()
  await lab.stop()
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
  await page.getByLabel('Address of your cluster').fill(`https://${lab.proxy}/`)
  await page.getByRole('button', { name: 'Continue' }).click()

  // Nobody knows the lab's authority: the person chooses its file.
  const choose = page.getByRole('button', { name: 'Choose a file to trust…' })
  await choose.waitFor()
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'unknown-authority-light')
  await electron.evaluate(({ dialog }, file) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [file] })
  }, lab.caFile)
  await choose.click()

  await page.getByLabel('User name').fill('alice')
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Sign-in was refused').waitFor()
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'sign-in-refused-light')
  await page.getByLabel('Password').fill(lab.password)
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
  await dialog.getByLabel('Password').fill(lab.password)
  expect(await seriousFindings(page)).toEqual([])
  await picture(page, 'sign-in-again-light')
  await dialog.getByRole('button', { name: 'Sign in' }).click()
  expect(await held).toEqual({ who: 'alice' })
  await page.getByText(/Your session ended/).waitFor({ state: 'hidden' })
})
