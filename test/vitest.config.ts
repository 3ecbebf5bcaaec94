import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Vitest 5 prints failures with Map.groupBy, which Node 20 (ours and Electron 33's) does not have.
const groupBy = <K, T>(items: Iterable<T>, keyOf: (item: T, index: number) => K): Map<K, T[]> => {
  const groups = new Map<K, T[]>()
  let index = 0
  for (const item of items) {
    const key = keyOf(item, index++)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}
if (!('groupBy' in Map)) Object.assign(Map, { groupBy })

/** `vitest run --config test/vitest.config.ts test/unit` and so on: one folder a suite. `npm test -- unit` does the same. */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: { include: ['test/{unit,vectors,integration,ui,e2e,package}/**/*.test.{ts,tsx}'], testTimeout: 15_000, pool: 'threads' },
})
