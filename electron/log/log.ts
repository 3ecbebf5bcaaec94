import type { Facts } from '../../shared/errors.ts'

/**
 * Event name `area.what`, facts flat. Levels: error = ours to fix, warn = degraded, info = what a user would tell,
 * debug = per connection. Never payload bytes; secrets are removed by the logger itself.
 */
export interface Log {
  error(event: string, facts?: Facts, thrown?: unknown): void
  warn(event: string, facts?: Facts, thrown?: unknown): void
  info(event: string, facts?: Facts): void
  debug(event: string, facts?: Facts, thrown?: unknown): void
}

const ignore = (): void => {}

/** For tools and tests that have nowhere to write. */
export const NO_LOG: Log = { error: ignore, warn: ignore, info: ignore, debug: ignore }
