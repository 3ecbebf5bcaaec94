import type { Role } from '../auth/auth.ts'
import type { AuthConfig, StaticToken } from './cluster-config.ts'
import type { Problems } from './config-source.ts'
import { secret } from './join-config.ts'
import type { PorticoYaml } from './schema.ts'
import { trustedClusterSettings } from './trusted-clusters.ts'

/** Roles that a token may give. Teleport's names; what is not served here cannot join. */
const TOKEN_ROLES = ['db', 'proxy', 'node', 'kube', 'app', 'windowsdesktop', 'trusted_cluster', 'auth']

/** `auth_service` and the `portico` section, which stands for what Teleport keeps in its storage. */
export function authConfig(yaml: PorticoYaml, from: (path: string) => string, problems: Problems): AuthConfig {
  const { auth_service: auth, portico } = yaml
  const clusterName = auth.cluster_name
  if (clusterName === undefined) problems.add(['auth_service', 'cluster_name'], 'is missing')
  for (const [index, role] of portico.roles.entries()) {
    if (role.options.require_session_mfa && auth.authentication.second_factor === 'off')
      problems.add(['portico', 'roles', index, 'options', 'require_session_mfa'], 'needs second_factor: otp in auth_service.authentication')
  }
  return {
    clusterName: clusterName ?? '',
    secondFactor: auth.authentication.second_factor,
    listenerMode: auth.proxy_listener_mode,
    listen: auth.listen_addr,
    tokens: auth.tokens.flatMap((text, index) => staticToken(text, index, from, problems)),
    trustedClusters: trustedClusterSettings(portico.trusted_clusters, from),
    roles: portico.roles.map(roleOf),
    users: portico.users.map(user => ({
      name: user.name,
      roles: user.roles,
      logins: user.logins,
      passwordFile: from(user.password_file),
      otpSecretFile: user.otp_secret_file === undefined ? undefined : from(user.otp_secret_file),
    })),
  }
}

/** `db,node:SECRET` or `db:/path/of/a/file`. The secret itself is never told. */
function staticToken(text: string, index: number, from: (path: string) => string, problems: Problems): readonly StaticToken[] {
  const path = ['auth_service', 'tokens', index]
  const colon = text.indexOf(':')
  const roles = text
    .slice(0, Math.max(colon, 0))
    .toLowerCase()
    .split(',')
    .map(role => role.trim())
  if (colon < 1 || colon === text.length - 1) problems.add(path, 'must be roles, a colon and a secret: db:SECRET')
  else if (roles.some(role => !TOKEN_ROLES.includes(role))) problems.add(path, `its roles must be of ${TOKEN_ROLES.join(', ')}`)
  else return [{ roles, secret: secret(text.slice(colon + 1), from) }]
  return []
}

function roleOf(role: PorticoYaml['portico']['roles'][number]): Role {
  const conditions = (from: typeof role.allow): Role['allow'] => ({
    logins: from.logins,
    dbUsers: from.db_users,
    dbNames: from.db_names,
    dbLabels: from.db_labels,
  })
  return {
    name: role.name,
    maxSessionTtlMs: role.max_session_ttl,
    ...(role.options.require_session_mfa ? { requireSessionMfa: true } : {}),
    allow: conditions(role.allow),
    deny: conditions(role.deny),
  }
}
