import { defineConfig } from 'vitest/config'

/** `vitest run --config test/vitest.config.ts test/unit` and so on: one folder a suite (test/README is in the main README). */
export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: { include: ['test/{unit,vectors,integration,ui,e2e}/**/*.test.{ts,tsx}'], testTimeout: 15_000, pool: 'threads' },
})
