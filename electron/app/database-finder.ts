import { PorticoError } from '../../shared/errors.ts'
import { readDatabaseId } from '../../shared/ids.ts'
import type { Database } from '../../shared/state.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import type { Context } from './context.ts'
import type { ShownDatabases } from './database-list.ts'
import { findDatabase } from './find-database.ts'

export interface FinderNeeds {
  readonly context: Context
  readonly sessions: AuthSessions
  readonly databases: ShownDatabases
  readonly signal: AbortSignal
}

/** A database by its id, and the login that leads to it. @throws PorticoError `resource/not-found`, `login/required`, `proxy/*` */
export type FindDatabase = (resource: string) => Promise<{ readonly profile: StoredProfile; readonly database: Database }>

export function databaseFinder({ context, sessions, databases, signal }: FinderNeeds): FindDatabase {
  /** The login that leads to a resource: the one on show, else any to its cluster, rather one that has not ended. */
  const profileOf = (root: string): StoredProfile => {
    const current = context.profiles.current()
    if (current?.cluster === root) return current
    const others = context.profiles.list().filter(({ cluster }) => cluster === root)
    const found = others.find(({ validUntil }) => validUntil > context.now()) ?? others[0]
    if (found === undefined) throw new PorticoError('login/required', {})
    return found
  }
  /** What is listed is known; for anything else (a command, a leaf, a list that is on its way) the cluster is asked. */
  return async resource => {
    const names = readDatabaseId(resource)
    if (names === undefined) throw new PorticoError('resource/not-found', { kind: 'database', name: resource })
    const profile = profileOf(names.root)
    const listed = databases.listed(resource)
    if (listed !== undefined) return { profile, database: listed }
    return { profile, database: await findDatabase(context, sessions, profile, names.name, names.leaf, signal) }
  }
}
