import type { DatabaseAccess, DatabaseServer, Role, RoleConditions } from './auth.ts'

/** The access check of databases. wire/database.md 8; Teleport: lib/services/role.go, access_checker.go */

/** Their roles have no say in the logical database. (MongoDB's have, but for each message: at connect its engine names none.) */
const WITHOUT_NAMES: ReadonlySet<string> = new Set([
  'mysql',
  'cockroachdb',
  'redis',
  'cassandra',
  'elasticsearch',
  'opensearch',
  'dynamodb',
  'sqlserver',
])

/** `*`, parts with `*`, or `^…$` as a regular expression. Teleport: utils.SliceMatchesRegex */
function isMatch(pattern: string, value: string): boolean {
  if (pattern === '*' || pattern === value) return true
  if (pattern.startsWith('^') && pattern.endsWith('$')) {
    try {
      return new RegExp(pattern).test(value)
    } catch {
      return false
    }
  }
  return pattern.includes('*') && new RegExp(`^${pattern.split('*').map(escapeRegExp).join('.*')}$`, 's').test(value)
}

const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

/** Every key of the role must be there and match; a role without labels matches nothing, `*: *` everything. */
export function matchesLabels(wanted: RoleConditions['dbLabels'], labels: DatabaseServer['labels']): boolean {
  const entries = Object.entries(wanted)
  if (entries.length === 0) return false
  if (wanted['*']?.includes('*') === true) return true
  return entries.every(([key, patterns]) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined
    return value !== undefined && patterns.some(pattern => isMatch(pattern, value))
  })
}

const named = (allowed: readonly string[], name: string): boolean => allowed.includes('*') || allowed.includes(name)

/** A role that may see `server` and use it as this user and name; any role that denies one of the three wins. */
export const mayUseDatabase: DatabaseAccess = (roles, server, databaseUser, databaseName) => {
  const checked = checkedName(server, databaseName)
  const denied = roles.some(
    ({ deny }) =>
      matchesLabels(deny.dbLabels, server.labels) ||
      named(deny.dbUsers, databaseUser) ||
      (checked !== undefined && named(deny.dbNames, checked)),
  )
  return !denied && roles.some(role => allows(role, server, databaseUser, checked))
}

/** One role that allows it and asks for a second factor is enough, whatever others say. @param databaseUser undefined = any */
export function needsSessionMfa(
  roles: readonly Role[],
  server: DatabaseServer,
  databaseUser: string | undefined,
  databaseName: string | undefined,
): boolean {
  const checked = checkedName(server, databaseName)
  return roles.some(role => role.requireSessionMfa === true && allows(role, server, databaseUser, checked))
}

function checkedName({ dbProtocol }: DatabaseServer, databaseName: string | undefined): string | undefined {
  return databaseName !== undefined && !WITHOUT_NAMES.has(dbProtocol) ? databaseName : undefined
}

function allows({ allow }: Role, { labels }: DatabaseServer, databaseUser: string | undefined, databaseName: string | undefined): boolean {
  return (
    matchesLabels(allow.dbLabels, labels) &&
    (databaseUser === undefined || named(allow.dbUsers, databaseUser)) &&
    (databaseName === undefined || named(allow.dbNames, databaseName))
  )
}

/** Lists show what some role's labels allow and none's deny. */
export function mayListDatabase(roles: readonly Role[], server: DatabaseServer): boolean {
  return (
    roles.some(({ allow }) => matchesLabels(allow.dbLabels, server.labels)) &&
    !roles.some(({ deny }) => matchesLabels(deny.dbLabels, server.labels))
  )
}

const VARIABLE = /^(.*)\{\{\s*(?:internal|external)\.([A-Za-z0-9_-]+)\s*\}\}(.*)$/

/** `{{internal.logins}}` stands for each of the user's traits of that name, or for nothing. Teleport: services.ApplyTraits */
function expand(values: readonly string[], traits: Readonly<Record<string, readonly string[]>>): readonly string[] {
  return values.flatMap(value => {
    const found = VARIABLE.exec(value)
    if (found === null) return [value]
    const [, before, name, after] = found
    return (Object.hasOwn(traits, name!) ? traits[name!]! : []).map(trait => `${before}${trait}${after}`)
  })
}

function expandConditions(conditions: RoleConditions, traits: Readonly<Record<string, readonly string[]>>): RoleConditions {
  return {
    logins: expand(conditions.logins, traits),
    dbUsers: expand(conditions.dbUsers, traits),
    dbNames: expand(conditions.dbNames, traits),
    dbLabels: Object.fromEntries(Object.entries(conditions.dbLabels).map(([key, values]) => [key, expand(values, traits)])),
  }
}

/** The role as it is for one user. */
export function applyTraits(role: Role, traits: Readonly<Record<string, readonly string[]>>): Role {
  return { ...role, allow: expandConditions(role.allow, traits), deny: expandConditions(role.deny, traits) }
}
