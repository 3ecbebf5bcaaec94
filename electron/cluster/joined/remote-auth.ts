import { PorticoError } from '../../../shared/errors.ts'
import { AuthService } from '../../wire/gen/authservice_pb.ts'
import { TrustService } from '../../wire/gen/trust_pb.ts'
import type { Identity } from '../../wire/identity.ts'
import { applyTraits } from '../auth/access.ts'
import type { CaPublic, CaType, KeyPair, Role } from '../auth/auth.ts'
import type { AuthClient } from '../auth/auth-client.ts'
import { databaseServerMessage } from '../auth/messages.ts'
import { caOf, roleOf } from '../auth/read-messages.ts'
import { mapRoles } from '../auth/role-map.ts'
import type { AgentAuth } from '../database/agent.ts'

interface RemoteAuthOptions {
  readonly client: AuthClient
  readonly clusterName: string
  readonly keyPair: KeyPair
  readonly now: () => number
}

export interface RemoteAuth extends AgentAuth {
  /** Reads the authorities anew. @throws PorticoError proxy/unreachable */
  refresh(): Promise<void>
  withdraw(hostId: string, name: string): Promise<void>
}

const TYPES: readonly CaType[] = ['db', 'user']
/** A changed role counts within this time; ms. */
const ROLE_FRESH_MS = 2_000
const NS_IN_MS = 1_000_000n

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8')
const text = (given: Uint8Array): string => Buffer.from(given).toString('utf8')

/** The auth service as an agent in another process has it: over gRPC. Authorities must be read once before anything is served. */
export function openRemoteAuth({ client, clusterName, keyPair, now }: RemoteAuthOptions): RemoteAuth {
  const cas = new Map<CaType, readonly CaPublic[]>()
  const roles = new Map<string, { readonly at: number; readonly role: Promise<Role> }>()

  const roleNamed = (name: string): Promise<Role> => {
    const known = roles.get(name)
    if (known !== undefined && now() < known.at + ROLE_FRESH_MS) return known.role
    const role = client.call(AuthService.method.getRole, { Name: name }).then(roleOf)
    roles.set(name, { at: now(), role })
    role.catch(() => roles.delete(name))
    return role
  }

  return {
    async refresh() {
      for (const type of TYPES) {
        const answer = await client.call(TrustService.method.getCertAuthorities, { type })
        cas.set(
          type,
          answer.certAuthoritiesV2.map(ca => caOf(type, ca)),
        )
      }
    },
    trustedCas: type => cas.get(type) ?? [],
    hostKeyPair: () => Promise.resolve(keyPair),
    async rolesOf(identity: Identity) {
      const { teleportCluster: home, traits } = identity
      const map = cas.get('user')?.find(ca => ca.cluster === home)?.roleMap
      const names = home === clusterName ? identity.roles : mapRoles(map, identity.roles, home)
      const found = await Promise.all(names.map(roleNamed))
      return found.map(role => applyTraits(role, traits))
    },
    async announce(server) {
      await client.call(AuthService.method.upsertDatabaseServer, { Server: databaseServerMessage(server) })
    },
    async withdraw(hostId, name) {
      await client.call(AuthService.method.deleteDatabaseServer, { Namespace: 'default', HostID: hostId, Name: name })
    },
    async generateDatabaseCert(csrPem, ttlMs) {
      const { Cert, CACerts } = await client.call(AuthService.method.generateDatabaseCert, {
        CSR: bytes(csrPem),
        TTL: BigInt(Math.round(ttlMs)) * NS_IN_MS,
      })
      if (Cert.length === 0) throw new PorticoError('proxy/answer', { why: 'no database certificate came' })
      return { cert: text(Cert), caCerts: CACerts.map(text) }
    },
  }
}
