import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { _electron, type ElectronApplication, type Page } from '@playwright/test'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A built program, as people run it. @param path below out/ */
export const programOf = (path: string): string => join(ROOT, 'out', path)

export interface AppUnderTest {
  readonly electron: ElectronApplication
  readonly page: Page
  readonly home: string
  /** What the page wrote to its console as errors: blocked styles, failed loads. */
  readonly errors: readonly string[]
}

/** An empty home with a space and a letter beyond ASCII, as people have them. Short: sockets lie deep. */
export function emptyHome(): { readonly home: string; remove(): void } {
  const home = mkdtempSync(join(tmpdir(), 'portico é '))
  return { home, remove: () => rmSync(home, { recursive: true, force: true }) }
}

/** The environment of a person, not of the test runner. */
export function environment(home: string): Record<string, string> {
  const own = Object.entries(process.env).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && !/^(VITEST|NODE_|ELECTRON_|PORTICO_|TELEPORT_)/.test(pair[0]),
  )
  return { ...Object.fromEntries(own), PORTICO_HOME: home, TELEPORT_HOME: join(home, 'no-tsh') }
}

/** Starts the app without waiting for a window. */
export function launchApp(
  home: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<ElectronApplication> {
  return _electron.launch({ args: ['--disable-gpu', ROOT, ...args], cwd: ROOT, env: { ...environment(home), ...env }, timeout: 30_000 })
}

/** Starts the real app of this checkout. As root the sandbox is off: Playwright adds the flag. */
export async function openAppUnderTest(
  home: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<AppUnderTest> {
  const electron = await launchApp(home, args, env)
  const page = await electron.firstWindow()
  const errors: string[] = []
  page.on('console', message => message.type() === 'error' && errors.push(message.text()))
  page.on('pageerror', error => errors.push(error.message))
  // Colours are looked at the moment they change.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.waitForLoadState('domcontentloaded')
  return { electron, page, home, errors }
}

/** Violations that axe calls serious or critical, as lines. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Evaluated, not added as a script element: the page's policy lets none in.
  await page.evaluate(`${readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')};0`)
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> }
    }
    const { violations } = await axe.run()
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
  })
}

/** Takes the picture in test-results/, where CI keeps it. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(ROOT, 'test-results', `${name}.png`) })
}

/** Processes of this home: they carry it in their environment or arguments, or descend from `root`. Linux only; else empty. */
export function processesOf(home: string, root?: number): number[] {
  if (process.platform !== 'linux') return []
  const parents = new Map<number, number>()
  const marked = new Set<number>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    const stat = read(`/proc/${name}/stat`)
    if (stat === '' || /\) Z /.test(stat)) continue
    parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    if (pid !== process.pid && `${read(`/proc/${name}/environ`)}${read(`/proc/${name}/cmdline`)}`.includes(home)) marked.add(pid)
  }
  for (const [pid] of parents) {
    let at: number | undefined = pid
    while (at !== undefined && at > 1 && at !== root) at = parents.get(at)
    if (root !== undefined && at === root) marked.add(pid)
  }
  return [...marked]
}

/** Command lines of those that still live. */
export function namesOf(pids: readonly number[]): string[] {
  return [...new Set(pids)].map(pid => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()).filter(line => line !== '')
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // ended meanwhile, or not ours
  }
}

export function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port })
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
