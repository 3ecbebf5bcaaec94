import { PorticoError } from '../../shared/errors.ts'
import { DATABASE_PROTOCOLS } from '../../shared/protocols.ts'

/** What is known when nobody named a database user or a logical database. */
export interface Known {
  readonly dbProtocol: string
  readonly labels: Readonly<Record<string, string>>
  /** Teleport user. */
  readonly user: string
  /** Accounts and names that the roles allow; `*` = any. */
  readonly allowedUsers: readonly string[]
  readonly allowedNames: readonly string[]
  readonly lastUser?: string | undefined
  readonly lastName?: string | undefined
}

const ANY = '*'
const DATABASE_LABEL = 'portico/database'

const named = (values: readonly string[]): readonly string[] => values.filter(value => value !== ANY && value !== '')

/** @returns null when only a person can choose. cli.md "User without a flag" */
export function defaultUser(known: Known): string | null {
  const { user, allowedUsers, lastUser } = known
  const isAllowed = (name: string): boolean => allowedUsers.includes(ANY) || allowedUsers.includes(name)
  // One that was tried and refused must not come back by itself.
  if (lastUser !== undefined && lastUser !== '' && isAllowed(lastUser)) return lastUser
  if (isAllowed(user)) return user
  const only = named(allowedUsers)
  return only.length === 1 ? only[0]! : null
}

/** Never the user's name. Empty for protocols without logical databases. cli.md "Database without a flag" */
export function defaultDatabase(known: Known): string {
  const { dbProtocol, labels, allowedNames, lastName } = known
  if (lastName !== undefined && lastName !== '') return lastName
  const only = named(allowedNames)
  if (only.length === 1 && !allowedNames.includes(ANY)) return only[0]!
  const label = Object.hasOwn(labels, DATABASE_LABEL) ? labels[DATABASE_LABEL] : undefined
  if (label !== undefined && label !== '') return label
  return (Object.hasOwn(DATABASE_PROTOCOLS, dbProtocol) ? DATABASE_PROTOCOLS[dbProtocol]?.defaultDatabase : undefined) ?? ''
}

/** @throws PorticoError `usage/choose` listing the choices */
export function chooseUser(given: string | undefined, known: Known): string {
  const chosen = given ?? defaultUser(known)
  if (chosen !== null) return chosen
  const choices = named(known.allowedUsers)
  throw new PorticoError('usage/choose', {
    what: 'a database user',
    ...(choices.length === 0 ? {} : { choices }),
    next: 'name one with --db-user',
  })
}
