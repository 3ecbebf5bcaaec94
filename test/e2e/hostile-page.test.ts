import { afterAll, beforeAll, expect, test } from 'vitest'
import type {} from '../../renderer/bridge.ts'
import { contract } from '../../shared/contract.ts'
import { emptyHome, openAppUnderTest, type AppUnderTest } from '../kit/app-under-test.ts'

/** What a page gone wrong could try. The page is ours and the checks are in main: so nothing of this may work. */
const { home, remove } = emptyHome()
let app: AppUnderTest
beforeAll(async () => {
  app = await openAppUnderTest(home)
})
afterAll(async () => {
  await app.electron.close()
  remove()
})

/** Asks without the types in the way. */
function askRaw(question: unknown, ask: unknown): Promise<{ ok: boolean; failure?: { code: string } }> {
  return app.page.evaluate(
    ([q, a]) => window.portico!.ask(q as 'state.read', a as Record<string, never>) as Promise<{ ok: boolean; failure?: { code: string } }>,
    [question, ask],
  )
}

const RUBBISH = [
  null,
  7,
  'x',
  [],
  [{}],
  true,
  { more: 1 },
  { proxy: 7 },
  { proxy: 'x'.repeat(100_000) },
  { resource: '/etc/passwd' },
  { tunnel: {} },
  { text: 'x'.repeat(100_000) },
]

test.each(Object.keys(contract))('%s refuses rubbish', async question => {
  for (const ask of RUBBISH) {
    const reply = await askRaw(question, ask)
    expect(reply, JSON.stringify(ask)?.slice(0, 60)).toMatchObject({ ok: false, failure: { code: 'usage/invalid' } })
  }
})

test.each(['', 'state.write', '__proto__', 'toString', 'constructor', 7, null, {}])('there is no question %j', async question => {
  expect(await askRaw(question, {})).toMatchObject({ ok: false, failure: { code: 'app/bug' } })
})

test('the page has the bridge and nothing of Node or Electron', async () => {
  const found = await app.page.evaluate(() => ({
    bridge: Object.keys(window.portico!).toSorted(),
    others: ['require', 'process', 'module', 'Buffer', 'electron', 'ipcRenderer'].filter(name => name in globalThis),
  }))
  expect(found).toEqual({ bridge: ['ask', 'onChange'], others: [] })
})

test('the page cannot leave, open windows, run text as code, or fetch', async () => {
  const { electron, page } = app
  const before = page.url()
  const tried = await page.evaluate(async () => {
    const opened = window.open('https://example.com')
    location.href = 'https://example.com/'
    const ran = await new Promise(resolve => {
      const script = document.createElement('script')
      script.textContent = 'globalThis.ran = true'
      document.head.append(script)
      setTimeout(() => resolve('ran' in globalThis), 100)
    })
    const fetched = await fetch('https://example.com/').then(
      () => true,
      () => false,
    )
    const file = await fetch('portico://window/..%2f..%2fpackage.json').then(
      answer => answer.ok,
      () => false,
    )
    return { opened: opened !== null, ran, fetched, file }
  })
  expect(tried).toEqual({ opened: false, ran: false, fetched: false, file: false })
  expect(page.url()).toBe(before)
  expect(electron.windows()).toHaveLength(1)
})

test('permissions are refused', async () => {
  const answers = await app.page.evaluate(async () => {
    const state = async (name: string): Promise<string> => (await navigator.permissions.query({ name: name as PermissionName })).state
    return [await state('geolocation'), await state('notifications'), await state('camera')]
  })
  expect(answers).toEqual(['denied', 'denied', 'denied'])
})
