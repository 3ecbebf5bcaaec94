// `npm test [-- SUITE…]`: sets up what is missing, builds, runs every suite, ends with one line of counts.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot, ROOT } from './root.mjs'
import { installPackages, requireNode } from './set-up.mjs'
import { countTests, SUITES, vitestArgs, VITEST } from './suites.mjs'
import { isOnPath, prepareParts } from './test-parts.mjs'

const RESULTS = inRoot('test-results')
const asked = process.argv.slice(2).filter(arg => !arg.startsWith('-'))
const unknown = asked.filter(name => !SUITES.some(suite => suite.name === name))
if (unknown.length > 0) {
  console.error(`There is no suite "${unknown[0]}": ${SUITES.map(suite => suite.name).join(', ')}`)
  process.exit(2)
}

requireNode()
installPackages()
const missing = prepareParts()
const broken = await buildOrWhyNot()
const electron = await electronOrWhyNot()
mkdirSync(RESULTS, { recursive: true })

const total = { passed: 0, failed: broken ? 1 : 0, skipped: 0 }
const notes = missing.map(part => `${part} is not installed: tests that need it are skipped`)
if (broken) notes.push(`the build failed: ${broken}`)
const times = []
for (const suite of SUITES.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  const why = whySkipped(suite)
  if (why) {
    total.skipped += 1
    notes.push(`suite ${suite.name} skipped: ${why}`)
    continue
  }
  const started = performance.now()
  const counts = await runSuite(suite)
  const seconds = (performance.now() - started) / 1000
  times.push(`${suite.name} ${seconds.toFixed(0)} s (${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped)`)
  for (const key of Object.keys(total)) total[key] += counts[key]
  notes.push(...counts.names.map(name => `skipped in ${suite.name}: ${name}`))
}

console.log(['', ...times, ...notes, ''].join('\n'))
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1

async function buildOrWhyNot() {
  try {
    const { build } = await import('./build.mjs')
    await build()
    return undefined
  } catch (thrown) {
    return thrown.message
  }
}

async function electronOrWhyNot() {
  try {
    const { ensureElectron } = await import('./electron-ensure.mjs')
    return await ensureElectron()
  } catch (thrown) {
    return { why: thrown.message }
  }
}

function whySkipped({ runtime, window }) {
  if ((runtime === 'electron' || window) && electron.why) return electron.why
  const library = missing.find(part => part.startsWith('lib'))
  if ((runtime === 'electron' || window) && library) return `${library} is not installed`
  if (window && needsVirtualDisplay() && !isOnPath('xvfb-run')) return 'there is no display, and xvfb-run is not installed'
  return undefined
}

function needsVirtualDisplay() {
  return process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY
}

async function runSuite(suite) {
  const report = join(RESULTS, `${suite.name}.json`)
  rmSync(report, { force: true })
  console.log(`\n── ${suite.name} ${'─'.repeat(Math.max(0, 60 - suite.name.length))}`)
  const onElectron = suite.runtime === 'electron'
  const { ELECTRON_RUN_AS_NODE: _inherited, NODE_ENV: _vites, ...env } = process.env
  if (onElectron) env.ELECTRON_RUN_AS_NODE = '1'
  const command = [onElectron ? electron.file : process.execPath, VITEST, ...vitestArgs(suite, report)]
  if (suite.window && needsVirtualDisplay()) command.unshift('xvfb-run', '-a', '-s', '-screen 0 1440x900x24')
  const code = await new Promise(resolve => {
    const child = spawn(command[0], command.slice(1), { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', thrown => {
      console.error(thrown.message)
      resolve(1)
    })
    child.on('close', resolve)
  })
  return countTests(readReport(report), code)
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
