import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { once } from 'node:events'
import { _electron, type ElectronApplication, type Page } from '@playwright/test'
import type {} from '../../renderer/bridge.ts'
import type { AppHome } from './app-home.ts'
import { end } from './children.ts'
import { median, type Report } from './figures.ts'
import { askOften, percentiles, underBusyLoops, underStreams } from './load.ts'
import { pssOf } from './memory.ts'

const STARTS = 3
const REOPENINGS = 5
const SETTLE_MS = 5_000
/** What shows that the page works: the button of a tunnel that runs, whichever stands first. */
const RUNNING = '[aria-label^="Disconnect orders"]'

/** A display of our own where none is. */
async function display(): Promise<{ readonly name: string; readonly children: readonly ChildProcess[] }> {
  const name = process.env['DISPLAY'] ?? ''
  if (name !== '') return { name, children: [] }
  const server = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [number] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
  return { name: `:${number}`, children: [server] }
}

export interface WindowOptions {
  /** The checkout, built. */
  readonly root: string
  /** The program of Electron. */
  readonly electron: string
  /** Memory of the engine alone, MB. */
  readonly headless: number
}

interface Started {
  readonly electron: ElectronApplication
  readonly page: Page
  readonly usableMs: number
}

/** As a person starts it; Playwright's own greeting is counted against us. */
async function start(appHome: AppHome, { root, electron: executablePath }: WindowOptions, screen: string): Promise<Started> {
  const started = performance.now()
  const electron = await _electron.launch({
    executablePath,
    args: ['--disable-gpu', root],
    cwd: root,
    env: { ...(appHome.env as Record<string, string>), DISPLAY: screen },
    timeout: 60_000,
  })
  const page = await electron.firstWindow()
  await page.waitForSelector(RUNNING, { timeout: 60_000 })
  return { electron, page, usableMs: performance.now() - started }
}

/** From the click on the tray's "Open" until what runs is on show. */
const reopen = (electron: ElectronApplication): Promise<number> =>
  electron.evaluate(async ({ app, BrowserWindow }, running) => {
    const [before] = BrowserWindow.getAllWindows()
    const closed = new Promise<void>(resolve => before!.once('closed', () => resolve()))
    before!.close()
    await closed
    await new Promise(resolve => setTimeout(resolve, 500))
    const start = performance.now()
    app.emit('activate')
    const [window] = BrowserWindow.getAllWindows()
    const shown = new Promise<void>(resolve => window!.once('show', () => resolve()))
    const seen = `new Promise(resolve => {
      const look = () => document.querySelector('${running}') ? resolve(true) : setTimeout(look, 5)
      look()
    })`
    await new Promise<void>(resolve => window!.webContents.once('dom-ready', () => resolve()))
    await Promise.all([shown, window!.webContents.executeJavaScript(seen)])
    return performance.now() - start
  }, RUNNING)

/** The app with its window. */
export async function appWithWindow(appHome: AppHome, options: WindowOptions, report: Report): Promise<void> {
  const { name, children } = await display()
  try {
    const starts: number[] = []
    for (let one = 0; one < STARTS; one++) {
      const { electron, usableMs } = await start(appHome, options, name)
      starts.push(usableMs)
      await electron.close()
    }
    report('app, start until the window is usable', median(starts) / 1000, 's', 2)
    const { electron, page } = await start(appHome, options, name)
    try {
      await new Promise(resolve => setTimeout(resolve, SETTLE_MS))
      const pss = pssOf(electron.process().pid!)
      report('app with window, memory', pss, 'MB')
      report('app with window, memory more than the engine alone', pss - options.headless, 'MB', 300)

      const inPage = async (): Promise<number[]> => {
        // Timed in the page: Playwright's own way there is not ours.
        const timed = (): Promise<number> =>
          page.evaluate(async () => {
            const started = performance.now()
            await window.portico!.ask('state.read', {})
            return performance.now() - started
          })
        const times: number[] = []
        await askOften(async () => times.push(await timed()))
        return times
      }
      const quiet = percentiles(await inPage())
      const busy = percentiles(await underBusyLoops(inPage))
      const streams = percentiles(await underStreams(appHome.ordersPort, inPage))
      report('IPC question p99, nothing else', quiet.p99, 'ms')
      report('IPC question p99, 8 busy loops', busy.p99, 'ms')
      report('IPC question p99, 8 streams', streams.p99, 'ms', 20)

      const times: number[] = []
      for (let round = 0; round < REOPENINGS; round++) times.push(await reopen(electron))
      report('window, closed and opened again', median(times) / 1000, 's', 0.5)
    } finally {
      await electron.close()
    }
  } finally {
    await Promise.all(children.map(end))
  }
}
