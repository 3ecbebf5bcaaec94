import { PorticoError } from '../../../shared/errors.ts'
import type { Identity } from '../../wire/identity.ts'
import type { Storage } from '../storage/storage.ts'
import { applyTraits } from './access.ts'
import type { Role } from './auth.ts'
import { checkName } from './users.ts'

/** Names that stand for services in a certificate's O: no role of a user may be called so. wire/identity.md 7 */
export const SYSTEM_ROLES: ReadonlySet<string> = new Set([
  'Auth',
  'Proxy',
  'Node',
  'Kube',
  'App',
  'Db',
  'WindowsDesktop',
  'Discovery',
  'Okta',
  'Admin',
  'Instance',
  'Bot',
  'RemoteProxy',
  'Nop',
  'Signup',
  'ProvisionToken',
  'Trusted_cluster',
])

export interface Roles {
  /** Writes a role, over an older one of that name. */
  put(role: Role): Promise<void>
  /** @throws PorticoError resource/not-found */
  get(names: readonly string[]): Promise<readonly Role[]>
  of(identity: Pick<Identity, 'roles' | 'traits'>): Promise<readonly Role[]>
}

export function openRoles(storage: Storage): Roles {
  const one = async (name: string): Promise<Role> => {
    const found = await storage.get(`roles/${name}`)
    if (found === undefined) throw new PorticoError('resource/not-found', { kind: 'role', name, why: `role ${name} is not found` })
    return found.value as Role
  }
  const get = (names: readonly string[]): Promise<readonly Role[]> => Promise.all(names.map(one))
  return {
    async put(role) {
      checkName('role', role.name)
      if (SYSTEM_ROLES.has(role.name)) throw new PorticoError('cluster/config', { why: `"${role.name}" is the name of a system role` })
      await storage.put(`roles/${role.name}`, role)
    },
    get,
    of: async ({ roles, traits }) => (await get(roles)).map(role => applyTraits(role, traits)),
  }
}
