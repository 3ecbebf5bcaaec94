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

/** Whether roles allow this account; not for one that is missing or empty. */
export function isAllowedUser(name: string | undefined, allowedUsers: readonly string[]): boolean {
  return name !== undefined && name !== '' && (allowedUsers.includes(ANY) || allowedUsers.includes(name))
}

/** @returns null when only a person can choose. cli.md "User without a flag" */
export function defaultUser(known: Known): string | null {
  const { dbProtocol, user, allowedUsers, lastUser } = known
  // One that the roles refuse by now must not come back by itself.
  if (lastUser !== undefined && isAllowedUser(lastUser, allowedUsers)) return lastUser
  if (isAllowedUser(user, allowedUsers)) return user
  const only = named(allowedUsers)
  if (only.length === 1) return only[0]!
  // Redis' own name for whoever names nobody. wire/database.md 2.2
  return dbProtocol === 'redis' && allowedUsers.includes('default') ? 'default' : null
}

/** Never the user's name. Empty for protocols without logical databases. cli.md "Database without a flag" */
export function defaultDatabase(known: Known): string {
  const { dbProtocol, labels, allowedNames, lastName } = known
  // It has none: a name would only narrow the certificate. wire/database.md 2.2
  if (dbProtocol === 'dynamodb') return ''
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
