import type { TunnelMode } from '../../../shared/state.ts'
import type { Entry } from './entries.ts'

/** What the person chose for the next start, where it differs from the default. */
export interface Choice {
  readonly databaseUser?: string
  readonly databaseName?: string
  readonly mode?: TunnelMode
}

interface Chosen {
  readonly user: string | null
  readonly name: string | null
  readonly mode: TunnelMode
}

/** What the next start would use. */
export function chosenFor({ database, tunnel }: Entry, choice: Choice): Chosen {
  return {
    user: choice.databaseUser ?? tunnel?.databaseUser ?? database.databaseUser,
    name: choice.databaseName ?? tunnel?.databaseName ?? database.databaseName,
    mode: choice.mode ?? tunnel?.mode ?? 'authenticated',
  }
}

/** Whether an open tunnel runs with other values than those chosen now. */
export function differs(entry: Entry, choice: Choice): boolean {
  const { tunnel } = entry
  const { user, name, mode } = chosenFor(entry, choice)
  return tunnel?.state === 'open' && (user !== tunnel.databaseUser || name !== tunnel.databaseName || mode !== tunnel.mode)
}
