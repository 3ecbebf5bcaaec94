import type { Globals, Place } from './globals.ts'
import type { Lifetime } from './lifetime.ts'
import type { Say } from './say.ts'

/** What a verb is given. */
export interface Run {
  readonly globals: Globals
  readonly place: Place
  readonly say: Say
  readonly lifetime: Lifetime
  readonly env: NodeJS.ProcessEnv
  /** What stands after `--`. */
  readonly rest: readonly string[]
}

/** @returns the exit code; nothing = 0. Failures are thrown. */
export type Verb<Options = unknown> = (run: Run, args: readonly string[], options: Options) => Promise<number | void>
