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
const SIZES = [[1180, 760], [800, 600], [600, 440]] as const
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const executablePath = [process.env['PORTICO_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', chromium.executablePath()].find(path => path !== undefined && existsSync(path))

let browser: Browser
let server: Awaited<ReturnType<typeof serveStrictly>>

async function open(state: StateName, scheme: 'light' | 'dark'): Promise<{ page: Page; complaints: string[]; close: () => Promise<void> }> {
  const context = await browser.newContext({ colorScheme: scheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(String(error)))
  await page.goto(`${server.url}?state=${state}`)
  await page.locator('main').first().waitFor()
  await page.evaluate(() => document.fonts.ready)
  return { page, complaints, close: () => context.close() }
}

/** Serious and critical findings, each with where it is. Injected past the policy: by the driver, not by the page. */
async function axe(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE)
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> } }).axe.run()
    return violations.filter(one => ['serious', 'critical'].includes(one.impact)).flatMap(one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 200)} ${node.failureSummary.slice(0, 300)}`))
  })
}

describe.skipIf(executablePath === undefined)('the window in a browser', () => {
  beforeAll(async () => {
    mkdirSync(`${OUT}window`, { recursive: true })
    await build({ configFile: fileURLToPath(new URL('gallery/vite.config.ts', import.meta.url)), logLevel: 'error' })
    server = await serveStrictly(`${OUT}gallery`)
    browser = await chromium.launch({ executablePath: executablePath!, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  const states = Object.keys(STATES) as StateName[]
  it.each(states)('shows "%s" in both themes and three sizes with no serious finding of axe and no complaint of the policy', async state => {
    for (const scheme of ['light', 'dark'] as const) {
      const { page, complaints, close } = await open(state, scheme)
      for (const [width, height] of SIZES) {
        await page.setViewportSize({ width, height })
        await page.screenshot({ path: `${OUT}window/${state}-${scheme}-${width}.png` })
        expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${width} wide`).toBeLessThanOrEqual(0)
        if (width !== 800) expect(await axe(page), `${state} ${scheme} ${width}`).toEqual([])
      }
      expect(complaints).toEqual([])
      await close()
    }
  }, 60_000)
})
