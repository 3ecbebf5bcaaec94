// `npm run check`: types, lint, format, unused code, and the tests that need nothing but Node. Under 30 s.
import { spawn } from 'node:child_process'
import { inRoot, ROOT } from './root.mjs'
import { installPackages, requireNode } from './set-up.mjs'
import { VITEST } from './suites.mjs'

requireNode()
installPackages()

const SOURCES = ['shared', 'electron', 'renderer', 'test']
const bin = path => inRoot(`node_modules/${path}`)
/** The first ones are native and quick; the tests take the cores after them. */
const QUICK = [
  ['types', bin('typescript/bin/tsc'), '-b'],
  ['lint', bin('oxlint/bin/oxlint'), '-c', 'electron/build/oxlint.json', '--type-aware', '--deny-warnings', ...SOURCES],
  [
    'format',
    bin('oxfmt/bin/oxfmt'),
    '-c',
    'electron/build/oxfmt.json',
    '--check',
    ...SOURCES,
    '!**/wire/gen/**',
    '!test/vectors/**/*.json',
    '!test/vectors/profile/**',
  ],
  ['unused', bin('knip/bin/knip.js'), '--config', 'electron/build/knip.json', '--treat-config-hints-as-errors'],
]
const VITEST_RUN = [VITEST, 'run', '--config', 'test/vitest.config.ts', '--reporter=dot']
const TESTS = [
  ['tests', ...VITEST_RUN, '--no-isolate', '--maxWorkers=2', 'test/unit', 'test/vectors'], // modules without state of their own: one thread serves many files
  ['window', ...VITEST_RUN, 'test/ui', '--exclude=test/ui/gallery.test.ts'], // the gallery needs a browser: npm test
]

const seconds = since => (performance.now() - since) / 1000
const started = performance.now()
const results = [...(await Promise.all(QUICK.map(run))), ...(await Promise.all(TESTS.map(run)))]
for (const { name, ok, output } of results) if (!ok) console.log(`── ${name} ──\n${output.trim()}\n`)
for (const { name, ok, took } of results) console.log(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(7)} ${took.toFixed(1)} s`)
console.log(`check: ${results.every(({ ok }) => ok) ? 'all well' : 'not well'}, ${seconds(started).toFixed(1)} s`)
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1

async function run([name, program, ...args]) {
  const since = performance.now()
  const child = spawn(process.execPath, [program, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FORCE_COLOR: '0' },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text))
  const code = await new Promise(resolve => child.on('close', resolve))
  return { name, ok: code === 0, output, took: seconds(since) }
}
