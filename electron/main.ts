import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { app, type BrowserWindow } from 'electron'
import type { Answers } from '../shared/contract.ts'
import { connectEngine } from './control/connect-engine.ts'
import { hostEngine } from './control/host-engine.ts'
import { joinEngine } from './control/join-engine.ts'
import { serveWindow } from './ipc/serve-window.ts'
import { openLog } from './log/open-log.ts'
import { hardenPages, denyPermissions } from './shell/harden.ts'
import { installMenu } from './shell/menu.ts'
import { isOurFrame } from './shell/our-page.ts'
import { registerPageScheme, servePage } from './shell/page-scheme.ts'
import { closeOnQuit } from './shell/quit.ts'
import { shellAnswers } from './shell/shell-answers.ts'
import { failToStart, logUncaught } from './shell/uncaught.ts'
import { focusWindow, openWindow } from './shell/window.ts'
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
  let window: BrowserWindow | undefined
  app.on('second-instance', () => window && focusWindow(window))
  await app.whenReady()

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
    answers: { ...core.answers, ...shellAnswers({ window: () => window, trustFile: core.trustFile }) } as Answers,
    log,
    checkAnswers: !app.isPackaged,
    page: () => window?.webContents,
    mayAsk: frame => isOurFrame(frame, window?.webContents.mainFrame),
    onChange: core.onChange,
  })
  closeOnQuit(async () => {
    stopServing()
    await core.close()
    log.close()
  }, log)

  denyPermissions()
  installMenu()
  servePage(beside('../renderer'))
  window = openWindow({ preload: beside('./preload.cjs'), folder, icon: beside('../../assets/icons/256x256.png'), log })
  window.once('closed', () => (window = undefined))
  if (process.argv.includes('--with-lab')) {
    // Shown by the page like any other lab: a failure is in the state, not here.
    core.answers['lab.start']({}).catch((thrown: unknown) => log.warn('lab.start-failed', {}, thrown))
  }
}

run().catch(failToStart)
