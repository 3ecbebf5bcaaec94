// What start, test and check need before anything else: the right Node and the packages of package-lock.json. Node built-ins only.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { inRoot, ROOT } from './root.mjs'

/** Vite and the other build tools stop at this one. */
const OLDEST = [20, 19]

export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return
  console.error(`Portico needs Node ${OLDEST.join('.')} or newer; this is ${process.versions.node}. Get one at https://nodejs.org`)
  process.exit(1)
}

/** @returns {boolean} whether node_modules holds what package-lock.json says, for this platform */
export function packagesAreInstalled() {
  const installed = inRoot('node_modules/.package-lock.json')
  if (!existsSync(installed)) return false
  const wanted = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages
  return Object.entries(wanted).every(([path, { version, optional, os, cpu, libc }]) => {
    if (path === '') return true
    const there = present[path]
    return there ? there.version === version : Boolean(optional || os || cpu || libc)
  })
}

/** `npm ci` when something is missing or outdated. npm itself is found by npm's own variable: no .cmd, no shell. */
export function installPackages() {
  if (packagesAreInstalled()) return
  console.log('Installing packages (once, about a minute) …')
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = process.env.npm_execpath
  const options = { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] }
  const done = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync(['npm', ...args].join(' '), { ...options, shell: true })
  if (done.status === 0) return
  console.error('The packages could not be installed. Check the network, then try again.')
  process.exit(1)
}
