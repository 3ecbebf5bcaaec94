// `npm start [-- --headless]`: from a fresh clone to a window on the lab, or the same without a window where there is none.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { inRoot, ROOT } from './root.mjs'
import { installPackages, requireNode } from './set-up.mjs'
import { explainTrouble, isChatter } from './runtime-trouble.mjs'

/** A window that ends by itself sooner than this, and not with success, never came up. */
const START_MS = 15_000

requireNode()
installPackages()
process.env.PORTICO_HOME ??= inRoot('.portico')
const { build } = await import('./build.mjs')
try {
  if (await build()) console.log('Built.')
  process.exitCode = await start()
} catch (thrown) {
  console.error(`portico: ${thrown.message}`)
  process.exitCode = 1
}

async function start() {
  const { runHeadless } = await import('./headless.mjs')
  const noWindow = whyNoWindow()
  if (noWindow) return runHeadless([noWindow])
  let electron
  try {
    electron = await (await import('./electron-ensure.mjs')).ensureElectron()
  } catch (thrown) {
    return runHeadless([thrown.message])
  }
  const trouble = await runWindow(electron.file)
  return trouble ? runHeadless(trouble) : 0
}

function whyNoWindow() {
  if (process.argv.includes('--headless')) return 'you asked for none (--headless)'
  const { DISPLAY, WAYLAND_DISPLAY } = process.env
  return process.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY
    ? 'there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)'
    : undefined
}

/** @returns {Promise<string[] | undefined>} why the window did not come up; undefined after an ordinary end */
function runWindow(file) {
  const root = process.platform === 'linux' && process.getuid() === 0
  if (root) console.log('Running as root, where the sandbox of the window cannot work: it is switched off (--no-sandbox).')
  // Terminals inside Electron apps hand this one down; with it there would be no window at all.
  const { ELECTRON_RUN_AS_NODE: _inherited, ...env } = process.env
  const child = spawn(file, [...(root ? ['--no-sandbox'] : []), ROOT, '--with-lab'], { env, stdio: ['ignore', 'inherit', 'pipe'] })
  const started = performance.now()
  let stopping = false
  let tail = ''
  createInterface({ input: child.stderr }).on('line', line => {
    tail = `${tail}\n${line}`.slice(-8_192)
    if (!isChatter(line)) console.error(line)
  })
  // Ctrl-C in a terminal reaches the window by itself; a plain kill of ours must be handed on.
  process.on('SIGINT', () => (stopping = true))
  for (const signal of ['SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      stopping = true
      child.kill(signal)
    })
  }
  return new Promise(resolve => {
    child.on('error', thrown => resolve([`Electron could not be started: ${thrown.message}`]))
    child.on('close', code => {
      const early = performance.now() - started < START_MS
      resolve(code === 0 || stopping || !early ? undefined : explainTrouble(tail))
    })
  })
}
