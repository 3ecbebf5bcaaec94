import { PorticoError } from '../../../shared/errors.ts'
import type { RoleMapping } from './auth.ts'

/** `^…$` is a regular expression, `*` any part of a name. Teleport: lib/services/role.go MapRoles, utils.ReplaceRegexp */
function patternOf(remote: string): RegExp | undefined {
  try {
    if (remote.startsWith('^') && remote.endsWith('$')) return new RegExp(remote, 'u')
    return new RegExp(`^${remote.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '(.*)')}$`, 'u')
  } catch {
    return undefined
  }
}

/**
 * What the roles of another cluster's user are here.
 * @param map undefined: that cluster is not trusted
 * @throws PorticoError access/denied when none of them stands for anything
 */
export function mapRoles(map: readonly RoleMapping[] | undefined, roles: readonly string[], cluster: string): readonly string[] {
  const found = new Set<string>()
  for (const { remote, local } of map ?? []) {
    const pattern = patternOf(remote)
    if (pattern === undefined) continue
    for (const role of roles) {
      const groups = pattern.exec(role)
      if (groups === null) continue
      for (const name of local) found.add(name.replace(/\$\{?(\d+)\}?/g, (_, group: string) => groups[Number(group)] ?? ''))
    }
  }
  if (found.size === 0) throw new PorticoError('access/denied', { why: `access denied: no role here stands for a role of ${cluster}` })
  return [...found]
}

/** Teleport: services.UsernameForRemoteCluster [captured] */
export const remoteUser = (user: string, cluster: string): string => `remote-${user}-${cluster}`
