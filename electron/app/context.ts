import type { Log } from '../log/log.ts'
import type { Home } from '../state/home.ts'
import { openHome } from '../state/home.ts'
import { openProfiles, type Profiles } from '../state/profiles.ts'
import { openVault } from '../state/vault.ts'
import { tshHome } from '../client/tsh/tsh-files.ts'
import { withTshLogins } from './with-tsh-logins.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What every use case works on. Opening it is cheap: no engine, no network, no keychain. */
export interface Context {
  readonly home: Home
  readonly profiles: Profiles
  readonly log: Log
  readonly env: Environment
  now(): number
  close(): void
}

export interface ContextOptions {
  readonly log: Log
  readonly env?: Environment
  readonly home?: Home
  readonly now?: () => number
}

/** @throws PorticoError `state/unwritable`, `state/disk-full` */
export async function openContext({
  log,
  env = process.env,
  home = openHome(env, process.platform),
  now = Date.now,
}: ContextOptions): Promise<Context> {
  const own = await openProfiles(home, openVault(home, { env }))
  const profiles = await withTshLogins(own, tshHome(env), now)
  return { home, profiles, log, env, now, close: () => profiles.close() }
}

/** For the faces, which reach these through use cases only. */
export { openHome, type Home }
export type { StoredProfile } from '../state/stored-state.ts'
export { readFileIfThere, writeFileAtomic } from '../state/atomic-file.ts'
export { withLock } from '../state/lock.ts'
