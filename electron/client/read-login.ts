import { decodeIdentity } from '../wire/identity.ts'

/** What a login certificate says about its holder, as profiles keep it. wire/identity.md 2, 3 */
export interface LoginIdentity {
  readonly roles: readonly string[]
  readonly logins: readonly string[]
  readonly kubeUsers: readonly string[]
  readonly kubeGroups: readonly string[]
  readonly databaseNames: readonly string[]
  readonly databaseUsers: readonly string[]
  /** ms since 1970 */
  readonly validUntil: number
}

/**
 * @param tlsCert PEM
 * @throws PorticoError `wire/malformed`
 */
export function readLogin(tlsCert: string): LoginIdentity {
  const { identity, notAfter } = decodeIdentity(tlsCert)
  return {
    roles: identity.roles,
    // Teleport fills an empty list with a name that no account can have.
    logins: identity.logins.filter(login => !login.startsWith('-teleport-')),
    kubeUsers: identity.kubeUsers,
    kubeGroups: identity.kubeGroups,
    databaseNames: identity.databaseNames,
    databaseUsers: identity.databaseUsers,
    validUntil: notAfter,
  }
}
