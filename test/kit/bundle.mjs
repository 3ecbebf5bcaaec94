import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Bundles TypeScript so that plain Node runs it.
 * @param {string} name of the folder under node_modules/.cache
 * @param {Record<string, string>} input entry names to paths from the root
 * @param {(string | RegExp)[]} external left as imports, beside Node's own
 * @returns {Promise<string>} the folder that holds NAME.mjs of each entry
 */
export async function bundle(name, input, external = []) {
  const out = join(ROOT, 'node_modules/.cache', name)
  const { build } = await import('vite')
  await build({
    configFile: false,
    root: ROOT,
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
        input: Object.fromEntries(Object.entries(input).map(([entry, path]) => [entry, join(ROOT, path)])),
        external: [/^node:/, ...external],
        platform: 'node',
        output: { format: 'es', entryFileNames: '[name].mjs' },
      },
    },
  })
  return out
}
