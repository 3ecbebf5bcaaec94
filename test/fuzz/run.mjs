// `npm run fuzz [-- COUNT [SEED]]`: mutated first bytes against the peeker and the mux, 10 million unless said otherwise. Another seed each
// time; a finding names it, with the bytes.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundle, ROOT } from '../kit/bundle.mjs'

const out = await bundle('fuzz', { fuzz: 'test/fuzz/first-bytes.ts' })
const { firstBytesSeeds, fuzzFirstBytes } = await import(pathToFileURL(join(out, 'fuzz.mjs')).href)
const [count = 10_000_000, seed = Date.now() % 0x1_0000_0000] = process.argv.slice(2).map(Number)
const seeds = firstBytesSeeds(pathToFileURL(join(ROOT, 'test/vectors/')))
const started = performance.now()
/** @type {Record<string, number>} */
const answers = {}
let slowest = 0
const BATCH = 500_000
for (let done = 0; done < count; done += BATCH) {
  const fuzzed = fuzzFirstBytes(seeds, Math.min(BATCH, count - done), (seed + done) >>> 0)
  for (const [answer, times] of Object.entries(fuzzed.answers)) answers[answer] = (answers[answer] ?? 0) + times
  slowest = Math.max(slowest, fuzzed.slowest)
}
const seconds = (performance.now() - started) / 1_000
console.log(`${count} first bytes in ${seconds.toFixed(1)} s, seed ${seed}, slowest ${slowest.toFixed(1)} ms, no finding`)
console.log(
  Object.entries(answers)
    .toSorted(([, a], [, b]) => b - a)
    .map(([answer, times]) => `${String(times).padStart(10)}  ${answer}`)
    .join('\n'),
)
