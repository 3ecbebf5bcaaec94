import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { Identity, RouteToDatabase } from '../../wire/identity.ts'
import type { Storage } from '../storage/storage.ts'
import type { Auth, DatabaseServer, Role, SecondFactor } from './auth.ts'
import { openAuthorities } from './authorities.ts'
import { issueHostCertificates, type HostCertificateRequest, type HostCertificates } from './host-certificates.ts'
import { openRoles } from './roles.ts'
import { notFoundCluster, notFoundUser, serviceCertificates } from './service-certificates.ts'
import { issueUserCertificates, longestSession, type UserCertificates, type UserKeys } from './user-certificates.ts'
import { mapRoles } from './role-map.ts'
import { openTrust, type Trust } from './trust.ts'
import { openUsers, type NewUser, type User } from './users.ts'

export interface AuthOptions {
  readonly clusterName: string
  readonly storage: Storage
  readonly secondFactor: SecondFactor
  readonly log: Log
  /** ms since 1970 */
  readonly now?: () => number
  /** No login lasts longer, whatever roles say; ms. Teleport: MaxCertDuration, 30 h */
  readonly longestLoginMs?: number
  /** scrypt's N for new passwords; a power of two. */
  readonly passwordCost?: number
}

/** Somebody who asks for narrower certificates with those of a login. */
export interface Caller {
  readonly identity: Identity
  /** End of the caller's own certificate, ms since 1970. */
  readonly notAfter: number
}

export interface ReissueRequest extends UserKeys {
  readonly usage: readonly string[]
  readonly routeToCluster: string
  readonly routeToDatabase: RouteToDatabase | undefined
  /** ms since 1970; cut to the caller's own */
  readonly notAfter: number
}

/** The auth service, with what only its owner may do. */
export interface OpenAuth extends Auth {
  /** @returns false when there is a user of that name already; it stays as it is */
  createUser(user: NewUser): Promise<boolean>
  removeUser(name: string): Promise<void>
  user(name: string): Promise<User | undefined>
  /** Writes a role, over an older one of that name. */
  createRole(role: Role): Promise<void>
  /** GenerateUserCerts: certificates for one use, never beyond the caller's own end. @throws PorticoError access/denied */
  reissue(caller: Caller, request: ReissueRequest): Promise<UserCertificates>
  /** For a service of this cluster that was let in. */
  hostCertificates(request: HostCertificateRequest): HostCertificates
  /** Which other clusters are trusted. */
  readonly trust: Trust
  /** Takes a server out of the lists. */
  withdraw(server: Pick<DatabaseServer, 'hostId' | 'name'>): Promise<void>
}

const LONGEST_LOGIN_MS = 30 * 3_600_000

export const EXPIRED = 'access denied: client credentials have expired, please relogin.'

/** Opens the auth service of a cluster; the first time it makes the cluster's keys. It does not close `storage`. */
export async function openAuth(options: AuthOptions): Promise<OpenAuth> {
  const { clusterName, storage, secondFactor, log, now = Date.now, longestLoginMs = LONGEST_LOGIN_MS } = options
  const authorities = await openAuthorities(clusterName, storage, now, log)
  const cas = authorities.current
  const users = openUsers(storage, secondFactor, now, options.passwordCost)
  const roles = openRoles(storage)
  const trust = await openTrust(storage, log)
  const checkRoute = (name: string): string => {
    if (name !== '' && name !== clusterName && !trust.leaves().includes(name)) throw notFoundCluster(name)
    return name || clusterName
  }
  const rolesOf = (identity: Identity): Promise<readonly Role[]> => {
    const { teleportCluster: home } = identity
    if (home === '' || home === clusterName) return roles.of(identity)
    const map = trust.cas('user').find(ca => ca.cluster === home)?.roleMap
    return roles.of({ ...identity, roles: mapRoles(map, identity.roles, home) })
  }
  const serverKey = ({ hostId, name }: Pick<DatabaseServer, 'hostId' | 'name'>): string =>
    `database-servers/${encodeURIComponent(hostId)}/${encodeURIComponent(name)}`

  return {
    clusterName,
    secondFactor,
    ca: type => cas[type].public,
    trust,
    trustedCas: type => [cas[type].public, ...trust.cas(type)],
    ...serviceCertificates(clusterName, cas, users, roles, trust, now),
    checkPassword: (name, password) => users.checkPassword(name, password),
    roles: names => roles.get(names),
    rolesOf,

    async login(request) {
      let user: User
      try {
        user = await users.signIn(request.user, request.password, request.code)
      } catch (thrown) {
        log.info('auth.login-refused', { user: request.user.slice(0, 256), client: request.clientIp })
        throw thrown
      }
      const routeToCluster = checkRoute(request.routeToCluster)
      const userRoles = await roles.of(user)
      const at = now()
      const certificates = issueUserCertificates(cas.user, {
        sshPublicKey: request.sshPublicKey,
        tlsPublicKey: request.tlsPublicKey,
        username: user.name,
        roles: userRoles,
        traits: user.traits,
        usage: [],
        routeToCluster,
        routeToDatabase: undefined,
        loginIp: request.clientIp,
        pinnedIp: '',
        now: at,
        notAfter: at + Math.min(Math.max(request.ttlMs, 0), longestSession(userRoles, longestLoginMs)),
      })
      log.info('auth.login', { user: user.name, client: request.clientIp })
      return { user: user.name, ...certificates, hostCa: cas.host.public }
    },

    async reissue({ identity, notAfter }, request) {
      const at = now()
      if (identity.disallowReissue)
        throw new PorticoError('access/denied', { why: 'access denied: identity is not allowed to reissue certificates' })
      if ((await users.get(identity.username)) === undefined) throw notFoundUser(identity.username)
      const userRoles = await roles.of(identity)
      const end = Math.min(request.notAfter, notAfter, at + longestSession(userRoles, longestLoginMs))
      if (!(end > at)) throw new PorticoError('access/denied', { why: EXPIRED })
      return issueUserCertificates(cas.user, {
        ...request,
        username: identity.username,
        roles: userRoles,
        traits: identity.traits,
        routeToCluster: checkRoute(request.routeToCluster),
        loginIp: identity.loginIp,
        pinnedIp: identity.pinnedIp,
        now: at,
        notAfter: end,
      })
    },

    async announce(server) {
      await storage.put(serverKey(server), server, { expires: server.expires })
    },
    withdraw: server => storage.delete(serverKey(server)),
    hostCertificates: request => issueHostCertificates(cas.host, request, now()),
    databaseServers: async () => (await storage.list('database-servers/')).map(item => item.value as DatabaseServer),

    createUser: user => users.create(user),
    removeUser: name => users.remove(name),
    user: name => users.get(name),
    createRole: role => roles.put(role),
    onUserChange(listener) {
      return storage.watch('users/', event => listener((event.type === 'put' ? event.item.key : event.key).slice('users/'.length)))
    },
    close() {
      authorities.close()
      trust.close()
      return Promise.resolve()
    },
  }
}
