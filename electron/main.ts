import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { app } from 'electron'
import type { Answers } from '../shared/contract.ts'
import { connectEngine } from './control/connect-engine.ts'
import { hostEngine } from './control/host-engine.ts'
import { joinEngine } from './control/join-engine.ts'
import { serveWindow } from './ipc/serve-window.ts'
import { openLog } from './log/open-log.ts'
import { deepLinkIn, readDeepLink, type DeepLink } from './shell/deep-link.ts'
import { openDesktop } from './shell/desktop.ts'
import { denyEverythingElse, hardenPages } from './shell/harden.ts'
import { HIDDEN_FLAG } from './shell/login-item.ts'
import { installMenu } from './shell/menu.ts'
import { oneWindow } from './shell/one-window.ts'
import { isOurFrame, PAGE_SCHEME } from './shell/our-page.ts'
import { registerPageScheme, servePage } from './shell/page-scheme.ts'
import { closeOnQuit } from './shell/quit.ts'
import { shellAnswers } from './shell/shell-answers.ts'
import { failToStart, logUncaught } from './shell/uncaught.ts'
import { openHome } from './state/home.ts'

/** Builds everything, wires it, closes it in reverse order. The built file is out/main/main.mjs. */
const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

async function run(): Promise<void> {
  const home = openHome(process.env, process.platform)
  const folder = join(home.root, 'window')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  app.setPath('userData', folder) // two homes are two apps: also for the single instance
  if (!app.requestSingleInstanceLock()) return app.quit()

  registerPageScheme()
  const log = openLog({ folder: home.logs })
  logUncaught(log)
  hardenPages(log)
  const window = oneWindow({ preload: beside('./preload.cjs'), folder, icon: beside('../../assets/icons/256x256.png'), log })
  /** Until the window may open, a link waits. */
  let ready = false
  let link: DeepLink | undefined = deepLinkIn(process.argv)
  const show = (wanted: DeepLink | undefined): void => {
    if (ready) window.show(wanted)
    else link = wanted ?? link
  }
  app.on('second-instance', (_event, words) => words.includes(HIDDEN_FLAG) || show(deepLinkIn(words)))
  app.on('open-url', (event, url) => {
    event.preventDefault()
    show(readDeepLink(url))
  })
  app.on('activate', () => show(undefined))
  await app.whenReady()
  // Installers for Linux and macOS say it in a file of the package.
  if (process.platform === 'win32' && app.isPackaged) app.setAsDefaultProtocolClient(PAGE_SCHEME)

  const core = await joinEngine({
    log,
    attach: () => connectEngine(home),
    host: () =>
      hostEngine({
        home,
        log,
        workerFile: new URL('../engine/worker.mjs', import.meta.url),
        portico: { exec: process.execPath, args: [beside('../cli/portico.mjs')], env: { ELECTRON_RUN_AS_NODE: '1' } },
        engine: { host: 'app', version: app.getVersion() },
        onStop: () => app.quit(),
        checkAnswers: !app.isPackaged,
      }),
  })
  const stopServing = serveWindow({
    answers: { ...core.answers, ...shellAnswers({ window: window.current, trustFile: core.trustFile, logs: home.logs }) } as Answers,
    log,
    checkAnswers: !app.isPackaged,
    page: () => window.current()?.webContents,
    mayAsk: frame => isOurFrame(frame, window.current()?.webContents.mainFrame),
    onChange: core.onChange,
  })
  const trayIcon = beside(process.platform === 'darwin' ? '../../assets/tray/trayTemplate.png' : '../../assets/icons/32x32.png')
  const desktop = await openDesktop({ core, window, log, folder, trayIcon, words: process.argv })
  closeOnQuit(async () => {
    desktop.close()
    stopServing()
    await core.close()
    log.close()
  }, log)

  denyEverythingElse(log, !app.isPackaged)
  installMenu(desktop.quit)
  servePage(beside('../renderer'))
  ready = true
  if (!desktop.hidden || link !== undefined) window.show(link)
  if (process.argv.includes('--with-lab')) {
    // Shown by the page like any other lab: a failure is in the state, not here.
    core.answers['lab.start']({}).catch((thrown: unknown) => log.warn('lab.start-failed', {}, thrown))
  }
}

run().catch(failToStart)
