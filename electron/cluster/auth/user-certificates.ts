import { createPublicKey, randomUUID, type KeyObject } from 'node:crypto'
import { PorticoError } from '../../../shared/errors.ts'
import { encodeSubject, encodeTraits, NO_IDENTITY, type Identity, type RouteToDatabase } from '../../wire/identity.ts'
import { issueSshCertificate } from '../../wire/ssh-certificate.ts'
import { parseSshKey } from '../../wire/ssh-keys.ts'
import { issueCertificate } from '../../wire/x509.ts'
import type { Role } from './auth.ts'
import type { Authority } from './authorities.ts'

/** What a user's certificates say. The rules are Teleport's: wire/identity.md 5, 6; lib/auth/auth.go generateUserCert */

const JOIN_PRINCIPAL = '-teleport-internal-join'
const SHORTEST_SSH_MS = 60_000

export interface UserKeys {
  /** authorized_keys line */
  readonly sshPublicKey: string | undefined
  /** PEM */
  readonly tlsPublicKey: string | undefined
}

export interface UserCertificateRequest extends UserKeys {
  readonly username: string
  /** In the order of assignment, traits put in. */
  readonly roles: readonly Role[]
  readonly traits: Identity['traits']
  readonly usage: readonly string[]
  readonly routeToCluster: string
  readonly routeToDatabase: RouteToDatabase | undefined
  readonly loginIp: string
  readonly pinnedIp: string
  /** The device that a session was confirmed with, and the end of the login (ms since 1970). */
  readonly confirmed?: { readonly device: string; readonly loginEnds: number } | undefined
  /** ms since 1970 */
  readonly now: number
  /** ms since 1970 */
  readonly notAfter: number
}

export interface UserCertificates {
  /** authorized_keys-form line; empty without a key */
  readonly sshCert: string
  /** PEM; empty without a key */
  readonly tlsCert: string
}

/** The longest that all roles allow, ms. */
export function longestSession(roles: readonly Role[], otherwise: number): number {
  return Math.min(otherwise, ...roles.map(role => role.maxSessionTtlMs).filter(ttl => ttl > 0))
}

function allowed(roles: readonly Role[], what: 'logins' | 'dbUsers' | 'dbNames'): readonly string[] {
  const denied = new Set(roles.flatMap(role => role.deny[what]))
  return denied.has('*') ? [] : [...new Set(roles.flatMap(role => role.allow[what]))].filter(value => value !== '' && !denied.has(value))
}

/** Logins, never none: an SSH certificate without principals would be good for all. */
function principalsOf(roles: readonly Role[]): readonly string[] {
  const logins = allowed(roles, 'logins')
  return [...(logins.length === 0 ? [`-teleport-nologin-${randomUUID()}`] : logins), JOIN_PRINCIPAL]
}

/** Go's form: whole seconds, without a fraction. */
const rfc3339 = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

/** Keys that peers accept and that cannot be broken at a desk. */
function checkStrength(key: KeyObject): KeyObject {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {}
  const good =
    key.asymmetricKeyType === 'ed25519' ||
    (key.asymmetricKeyType === 'ec' && /^(prime256v1|secp384r1|secp521r1)$/.test(namedCurve ?? '')) ||
    (key.asymmetricKeyType === 'rsa' && modulusLength >= 2_048 && modulusLength <= 8_192)
  if (!good) throw new PorticoError('wire/malformed', { why: 'a public key is of a kind or size that is not accepted' })
  return key
}

function tlsKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem)
  } catch {
    throw new PorticoError('wire/malformed', { why: 'a public key cannot be read' })
  }
}

/** @throws PorticoError wire/malformed for keys that cannot be read or are weak; `ssh: no key found` in Go's words */
export function issueUserCertificates(ca: Authority, request: UserCertificateRequest): UserCertificates {
  const { roles, traits, now, notAfter } = request
  const logins = principalsOf(roles)
  const identity: Identity = {
    ...NO_IDENTITY,
    username: request.username,
    roles: roles.map(role => role.name),
    usage: request.usage,
    logins,
    routeToCluster: request.routeToCluster,
    teleportCluster: ca.public.cluster,
    traits,
    routeToDatabase: request.routeToDatabase,
    databaseNames: [...allowed(roles, 'dbNames')].sort(),
    databaseUsers: [...allowed(roles, 'dbUsers')].sort(),
    loginIp: request.loginIp,
    pinnedIp: request.pinnedIp,
    privateKeyPolicy: 'none',
    ...(request.confirmed === undefined
      ? {}
      : { mfaVerified: request.confirmed.device, previousIdentityExpires: rfc3339(request.confirmed.loginEnds) }),
  }
  const { sshPublicKey, tlsPublicKey } = request
  return {
    sshCert:
      sshPublicKey === undefined || ca.ssh === undefined
        ? ''
        : sshCertificate(ca.ssh, checkStrength(parseSshKey(sshPublicKey)), identity, now, notAfter),
    tlsCert:
      tlsPublicKey === undefined
        ? ''
        : issueCertificate({ ca: ca.tls, subject: encodeSubject(identity), publicKey: checkStrength(tlsKey(tlsPublicKey)), now, notAfter }),
  }
}

function sshCertificate(ca: KeyObject, publicKey: KeyObject, identity: Identity, now: number, notAfter: number): string {
  const extensions = new Map([
    ['permit-agent-forwarding', ''],
    ['permit-port-forwarding', ''],
    ['permit-pty', ''],
    ['private-key-policy', identity.privateKeyPolicy],
    ['teleport-roles', JSON.stringify({ version: 'v1', roles: identity.roles })],
    ['teleport-route-to-cluster', identity.routeToCluster],
    ['teleport-traits', encodeTraits(identity.traits)],
  ])
  if (identity.mfaVerified !== '') extensions.set('mfa-verified', identity.mfaVerified)
  if (identity.previousIdentityExpires !== undefined) extensions.set('prev-identity-expires', identity.previousIdentityExpires)
  if (identity.loginIp !== '') extensions.set('login-ip', identity.loginIp)
  const pinned =
    identity.pinnedIp === '' ? [] : [['source-address', `${identity.pinnedIp}/${identity.pinnedIp.includes(':') ? 128 : 32}`] as const]
  const seconds = (ms: number): bigint => BigInt(Math.floor(ms / 1_000))
  return issueSshCertificate(
    {
      kind: 'user',
      publicKey,
      serial: 0n,
      keyId: identity.username,
      principals: identity.logins,
      validAfter: seconds(now - 60_000),
      validBefore: seconds(Math.max(notAfter, now + SHORTEST_SSH_MS)),
      criticalOptions: new Map(pinned),
      extensions,
    },
    ca,
  )
}
