import { createHash } from 'node:crypto'
import { PorticoError } from '../../../shared/errors.ts'
import type { Storage } from '../storage/storage.ts'

export interface JoinToken {
  readonly secret: string
  /** Lower case: `db`, `node`, `proxy`, `trusted_cluster`, … */
  readonly roles: readonly string[]
  /** ms since 1970; undefined = until it is removed */
  readonly expires?: number
}

export interface JoinTokens {
  /** Over an older one of that secret. */
  add(token: JoinToken): Promise<void>
  remove(secret: string): Promise<void>
  /** The roles that a service may join in; undefined for a token that is unknown or over. */
  rolesOf(secret: string): Promise<readonly string[] | undefined>
}

/** Long enough for every secret that a person or a program makes. */
const LIMIT = 1_024

/** Found by its hash: a comparison that stops early then tells nothing about the secret. */
const keyOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** @param fixed those of the configuration: they are not stored, so they end with it */
export function openJoinTokens(storage: Storage, fixed: readonly JoinToken[] = []): JoinTokens {
  const configured = new Map(fixed.map(({ secret, roles }) => [keyOf(secret), roles]))
  return {
    async add({ secret, roles, expires }) {
      await storage.put(`tokens/${keyOf(secret)}`, { roles }, expires === undefined ? {} : { expires })
    },
    remove: secret => storage.delete(`tokens/${keyOf(secret)}`),
    async rolesOf(secret) {
      if (secret === '' || secret.length > LIMIT) return undefined
      const key = keyOf(secret)
      return configured.get(key) ?? ((await storage.get(`tokens/${key}`))?.value as { roles: readonly string[] } | undefined)?.roles
    },
  }
}

/** Services may join as that; `Instance` comes with any of them. */
const JOINING_ROLES: ReadonlySet<string> = new Set(['Node', 'Kube', 'App', 'Db', 'WindowsDesktop', 'Proxy', 'Instance'])

/**
 * Whether somebody who knows `secret` may have certificates of `role`. Teleport's words: lib/auth/join.go
 * @throws PorticoError access/denied, usage/invalid
 */
export async function checkJoin(
  tokens: JoinTokens,
  { secret, role, nodename }: { secret: string; role: string; nodename: string },
): Promise<void> {
  const roles = await tokens.rolesOf(secret)
  if (roles === undefined) {
    throw new PorticoError('access/denied', { why: `"${nodename}" can not join the cluster with role ${role}, the token is not valid` })
  }
  const allowed = JOINING_ROLES.has(role) && (role === 'Instance' ? roles.some(isService) : roles.includes(role.toLowerCase()))
  if (!allowed) {
    throw new PorticoError('usage/invalid', { why: `node "${nodename}" can not join the cluster, the token does not allow "${role}" role` })
  }
}

const isService = (role: string): boolean => role !== 'trusted_cluster'
