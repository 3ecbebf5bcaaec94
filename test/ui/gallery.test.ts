import { chromium, type Browser, type Page } from '@playwright/test'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build } from 'vite'
import { STATES, type StateName } from './fixtures.ts'
import { serveStrictly } from './gallery/serve.ts'

// The window in a real browser, under its real content security policy: looks, contrast, layout, which happy-dom cannot know.
const OUT = fileURLToPath(new URL('../../test-results/', import.meta.url))
const LOOKED_AT: readonly StateName[] = [
  'main',
  'welcome',
  'lab-failed',
  'expired',
  'notices',
  'list-failed',
  'port-taken',
  'tsh',
  'hostile',
]
const SIZES = [
  [1180, 760],
  [800, 600],
  [600, 440],
] as const
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const executablePath = [
  process.env['PORTICO_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  chromium.executablePath(),
].find(path => path !== undefined && existsSync(path))

let browser: Browser
let server: Awaited<ReturnType<typeof serveStrictly>>

async function open(
  state: StateName,
  scheme: 'light' | 'dark',
  more = '',
): Promise<{ page: Page; complaints: string[]; close: () => Promise<void> }> {
  const context = await browser.newContext({ colorScheme: scheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(String(error)))
  await page.goto(`${server.url}?state=${state}${more}`)
  await page.locator('main').first().waitFor()
  await page.evaluate(() => document.fonts.ready)
  return { page, complaints, close: () => context.close() }
}

async function look(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${OUT}window/${name}.png` })
  expect(await axe(page), name).toEqual([])
}

/** Serious and critical findings, each with where it is. Injected past the policy: by the driver, not by the page. */
async function axe(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE)
  return page.evaluate(async () => {
    const { violations } = await (
      window as unknown as {
        axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> }
      }
    ).axe.run()
    return violations
      .filter(one => ['serious', 'critical'].includes(one.impact))
      .flatMap(one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 200)} ${node.failureSummary.slice(0, 300)}`))
  })
}

describe.skipIf(executablePath === undefined)('the window in a browser', () => {
  beforeAll(async () => {
    mkdirSync(`${OUT}window`, { recursive: true })
    // As it ships: vitest's own mode would build React for development, which is several times slower.
    process.env['NODE_ENV'] = 'production'
    await build({ configFile: fileURLToPath(new URL('gallery/vite.config.ts', import.meta.url)), logLevel: 'error' })
    server = await serveStrictly(`${OUT}gallery`)
    browser = await chromium.launch({ executablePath: executablePath!, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  // All of them with PORTICO_PICTURES set; else those that differ in what they are made of.
  const states = process.env['PORTICO_PICTURES'] === undefined ? LOOKED_AT : (Object.keys(STATES) as StateName[])
  it.each(states)(
    'shows "%s" in both themes and three sizes with no serious finding of axe and no complaint of the policy',
    async state => {
      for (const scheme of ['light', 'dark'] as const) {
        const { page, complaints, close } = await open(state, scheme)
        for (const [width, height] of SIZES) {
          await page.setViewportSize({ width, height })
          await page.screenshot({ path: `${OUT}window/${state}-${scheme}-${width}.png` })
          expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${width} wide`).toBeLessThanOrEqual(
            0,
          )
          if (width === 1180 || (width === 600 && scheme === 'dark')) expect(await axe(page), `${state} ${scheme} ${width}`).toEqual([])
        }
        expect(complaints).toEqual([])
        await close()
      }
    },
    60_000,
  )

  it.each(['light', 'dark'] as const)(
    'opens menus, pickers and the sign-in dialog under the policy, in %s',
    async scheme => {
      const { page, complaints, close } = await open('expired', scheme)
      await page.setViewportSize({ width: 1180, height: 760 })
      await page.getByRole('button', { name: /^Cluster/ }).click()
      await page.getByRole('menuitem', { name: 'Sign out' }).waitFor()
      await look(page, `menu-${scheme}`)
      await page.keyboard.press('Escape')
      await page.getByRole('row', { name: /orders/ }).click()
      await page.getByRole('button', { name: 'Database: shop' }).click()
      await page.getByRole('menuitem', { name: 'Other…' }).waitFor()
      await look(page, `picker-${scheme}`)
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await page.getByLabel('Password').fill('right')
      await page.getByLabel('One-time code').click()
      await page.keyboard.insertText('123 4')
      await look(page, `dialog-${scheme}`)
      await page.getByLabel('One-time code').fill('123456')
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await page.getByText('Your session ended').waitFor({ state: 'detached' })
      expect(complaints).toEqual([])
      await close()
    },
    30_000,
  )

  it.each(['light', 'dark'] as const)(
    'shows a running database, the palette, settings and log under the policy, in %s',
    async scheme => {
      const { page, complaints, close } = await open('main', scheme, '&flow=1')
      await page.setViewportSize({ width: 1180, height: 760 })
      await page.getByRole('row', { name: /orders/ }).click()
      await page.getByText('Connections 2').waitFor()
      await page.getByText(/↓ [\d.]+ [kM]B\/s/).waitFor()
      // Two samples later a line is drawn.
      await page.waitForTimeout(2200)
      const drawn = await page.evaluate(() => {
        const canvas = document.querySelector('canvas')!
        const pixels = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data
        return pixels.some((value, at) => at % 4 === 3 && value > 200)
      })
      expect(drawn).toBe(true)
      await look(page, `running-${scheme}`)
      await page.getByRole('row', { name: /events/ }).click()
      await page.getByText('broken here').waitFor()
      await look(page, `broken-${scheme}`)
      await page.keyboard.press('Control+k')
      await page.keyboard.type('ord')
      await page.getByRole('option', { name: /Open in DBeaver/ }).waitFor()
      await look(page, `palette-${scheme}`)
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'By label' }).click()
      await page.getByRole('menuitemradio', { name: 'team' }).click()
      await page.getByRole('button', { name: 'By team' }).waitFor()
      await look(page, `grouped-${scheme}`)
      await page.keyboard.press('Control+,')
      await page.getByRole('heading', { name: 'Settings' }).waitFor()
      await look(page, `settings-${scheme}`)
      await page.getByRole('button', { name: 'Log' }).click()
      await page.getByText('settings.broken').last().waitFor()
      await look(page, `log-${scheme}`)
      await page.setViewportSize({ width: 600, height: 440 })
      await look(page, `log-narrow-${scheme}`)
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0)
      expect(complaints).toEqual([])
      await close()
    },
    60_000,
  )

  it('follows the theme of the settings against the system', async () => {
    const { page, close } = await open('main', 'light')
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = await ground()
    await page.keyboard.press('Control+,')
    await page.getByRole('button', { name: 'Dark' }).click()
    await page.waitForFunction(() => document.documentElement.dataset['theme'] === 'dark')
    expect(await ground()).not.toBe(light)
    await close()
  }, 30_000)

  it('leads from an address over an unknown authority to the list', async () => {
    const { page, complaints, close } = await open('welcome', 'light')
    await page.setViewportSize({ width: 800, height: 600 })
    await page.getByLabel('Address of your cluster').fill('unknown.example.com')
    await page.keyboard.press('Enter')
    await page.getByText('3F:8A:1C').waitFor()
    await look(page, 'untrusted')
    await page.getByRole('button', { name: 'Choose a file to trust…' }).click()
    await page.getByLabel('User name').fill('alice')
    await page.getByLabel('Password').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByText('Sign-in was refused').waitFor()
    await look(page, 'refused')
    await page.getByLabel('Password').fill('right')
    await page.keyboard.press('Enter')
    await page.getByRole('grid').waitFor()
    expect(complaints).toEqual([])
    await close()
  }, 30_000)

  it('folds: details away under 900 px and back by Space, the list alone under 640 px', async () => {
    const { page, close } = await open('main', 'light')
    const panel = page.getByRole('complementary', { name: 'Details' })
    const side = page.getByRole('navigation')
    await page.setViewportSize({ width: 900, height: 600 })
    await Promise.all([panel.waitFor(), side.waitFor()])
    await page.setViewportSize({ width: 899, height: 600 })
    await panel.waitFor({ state: 'detached' })
    await side.waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Space')
    await panel.waitFor()
    await look(page, 'folded')
    await page.keyboard.press('Escape')
    await panel.waitFor({ state: 'detached' })
    await page.setViewportSize({ width: 639, height: 440 })
    await side.waitFor({ state: 'detached' })
    await page.keyboard.press('Space')
    await panel.waitFor()
    expect((await panel.boundingBox())?.width).toBe(639)
    await look(page, 'folded-narrow')
    await close()
  }, 30_000)

  it('answers a key within 30 ms over 10 000 rows, and keeps the active row in sight', async () => {
    const { page, close } = await open('many', 'light')
    await page.getByRole('grid').focus()
    await page.keyboard.press('End')
    await page.getByText('db-09988').waitFor()
    await look(page, 'many-end')
    await page.keyboard.press('/')
    const times = await page.evaluate(async () => {
      const input = document.querySelector<HTMLInputElement>('[role=search] input')!
      const took: number[] = []
      for (const text of [
        'e',
        'en',
        'env',
        'env:',
        'env:p',
        'env:prod',
        'env:prod t',
        'env:prod team',
        'proto:postgres',
        'is:running',
        'db-0998',
      ]) {
        await new Promise(requestAnimationFrame)
        const started = performance.now()
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(input, text)
        // Rendered when this returns: a key is answered at once, not later.
        input.dispatchEvent(new Event('input', { bubbles: true }))
        await Promise.resolve()
        took.push(performance.now() - started)
      }
      return took.sort((a, b) => a - b)
    })
    expect(times[5]).toBeLessThan(30)
    await close()
  }, 30_000)

  it('scrolls 10 000 rows with work for a frame that fits into a sixtieth of a second', async () => {
    const { page, close } = await open('many', 'light', '&flow=1')
    await page.setViewportSize({ width: 1180, height: 760 })
    const frames = await page.evaluate(async () => {
      const grid = document.querySelector('[role=grid]')!
      const work: number[] = []
      for (let frame = 0; frame < 120; frame += 1) {
        await new Promise(requestAnimationFrame)
        const started = performance.now()
        grid.scrollTop += 400
        // Script, style and layout of this frame, as the scroll event causes them.
        grid.dispatchEvent(new Event('scroll'))
        await Promise.resolve()
        grid.getBoundingClientRect()
        work.push(performance.now() - started)
      }
      return work.sort((a, b) => a - b)
    })
    expect(frames[60], 'median').toBeLessThan(16.7)
    expect(await page.getByRole('row').count()).toBeLessThan(60)
    await close()
  }, 30_000)
})
