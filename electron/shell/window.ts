import { join } from 'node:path'
import { app, BrowserWindow, dialog, nativeTheme, screen } from 'electron'
import { isOurUrl, PAGE_URL } from './our-page.ts'
import type { Log } from '../log/log.ts'
import { loadPlacement, savePlacement, SMALLEST } from './bounds.ts'

export interface WindowOptions {
  readonly preload: string
  /** Our folder of the home: the window's place is kept there. */
  readonly folder: string
  readonly icon: string
  readonly log: Log
}

/** The page's own background (renderer/theme), so that nothing flashes before it is drawn. */
const BACKGROUND = { light: '#f6f7f9', dark: '#14161b' }

/** Opens the one window and shows our page, at `url`. A page that crashes is loaded again once a minute, then the person decides. */
export function openWindow({ preload, folder, icon, log }: WindowOptions, url: string): BrowserWindow {
  const file = join(folder, 'placement.json')
  const { bounds, maximized } = loadPlacement(
    file,
    screen.getAllDisplays().map(display => display.workArea),
  )
  const window = new BrowserWindow({
    ...bounds,
    minWidth: SMALLEST.width,
    minHeight: SMALLEST.height,
    title: app.name,
    icon,
    show: false,
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    autoHideMenuBar: true,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
      // Boxes that a page could use to ask for a password, or to hold its window.
      disableDialogs: true,
    },
  })
  if (maximized) window.maximize()
  window.once('ready-to-show', () => window.show())
  window.on('close', () => {
    try {
      savePlacement(file, { bounds: window.getNormalBounds(), maximized: window.isMaximized() })
    } catch (thrown) {
      log.warn('window.placement-not-saved', {}, thrown)
    }
  })
  const follow = (): void => window.setBackgroundColor(nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light)
  nativeTheme.on('updated', follow)
  window.once('closed', () => nativeTheme.off('updated', follow))
  surviveCrashes(window, log)
  stayHome(window, log)
  void window.loadURL(url).catch((thrown: unknown) => log.error('window.load-failed', {}, thrown))
  return window
}

/** `about:blank` needs nobody's leave: a page that went there comes back. */
function stayHome(window: BrowserWindow, log: Log): void {
  window.webContents.on('did-navigate', (_event, url) => {
    if (isOurUrl(url)) return
    log.warn('window.left', { url: url.slice(0, 200) })
    void window.loadURL(PAGE_URL).catch((thrown: unknown) => log.error('window.load-failed', {}, thrown))
  })
}

const CALM_MS = 60_000

function surviveCrashes(window: BrowserWindow, log: Log): void {
  let last = -Infinity
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    if (reason === 'clean-exit') return
    log.error('window.crashed', { reason, exitCode })
    const again = performance.now() - last < CALM_MS
    last = performance.now()
    if (!again) return window.webContents.reload()
    void askAfterCrash(window).catch((thrown: unknown) => log.error('window.dialog-failed', {}, thrown))
  })
}

async function askAfterCrash(window: BrowserWindow): Promise<void> {
  const { response } = await dialog.showMessageBox({
    type: 'error',
    message: 'The window stopped twice in a row',
    detail: 'Your tunnels are still running. You can open the window again, or quit Portico, which ends them.',
    buttons: ['Open again', 'Quit'],
    defaultId: 0,
    cancelId: 0,
  })
  if (response === 1) return app.quit()
  if (!window.isDestroyed()) window.webContents.reload()
}

/** A second start of the app lands here: the first one comes to the front. */
export function focusWindow(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore()
  window.show()
  window.focus()
}
