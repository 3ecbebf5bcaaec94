import { expect, it } from 'vitest'
import { firstBytesSeeds, fuzzFirstBytes } from '../../../fuzz/first-bytes.ts'

const COUNT = 1_000_000

it('a million mutated first bytes crash nothing, and come to the same in pieces', { timeout: 120_000 }, () => {
  const seeds = firstBytesSeeds(new URL('../../../vectors/', import.meta.url))
  const { count, answers, slowest } = fuzzFirstBytes(seeds, COUNT, 39)
  expect(count).toBe(COUNT)
  for (const answer of ['web', 'postgres', 'mysql', 'ssh', 'http', 'auth', 'database', 'refused', 'more', 'unknown ALPN', 'kube is off']) {
    expect([answer, (answers[answer] ?? 0) > 100]).toEqual([answer, true])
  }
  // A pause of the collector, at most.
  expect(slowest).toBeLessThan(1_000)
})
