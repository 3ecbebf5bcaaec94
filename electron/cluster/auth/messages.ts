import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  CertAuthorityV2Schema,
  DatabaseServerV3Schema,
  RoleV6Schema,
  UserV2Schema,
  type CertAuthorityV2,
  type DatabaseServerV3,
  type RoleV6,
  type UserV2,
} from '../../wire/gen/types_pb.ts'
import type { CaPublic, DatabaseServer, Role, RoleConditions } from './auth.ts'
import type { User } from './users.ts'

/** Our values as messages. Parts that Go always writes are written here too, empty or not. wire/auth-grpc.md 2, 5.4 */

export const SERVER_VERSION = '13.0.0'

const NAMESPACE = 'default'
const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8')
const NANOSECONDS_IN_MS = 1_000_000n

export function databaseServerMessage(server: DatabaseServer): DatabaseServerV3 {
  const metadata = { Name: server.name, Namespace: NAMESPACE, Description: server.description, Labels: { ...server.labels } }
  return create(DatabaseServerV3Schema, {
    Kind: 'db_server',
    Version: 'v3',
    Metadata: { ...metadata, Expires: timestampFromMs(server.expires) },
    Spec: {
      Protocol: server.dbProtocol,
      URI: server.uri,
      Version: SERVER_VERSION,
      Hostname: server.hostname,
      HostID: server.hostId,
      Database: {
        Kind: 'db',
        Version: 'v3',
        Metadata: metadata,
        Spec: { Protocol: server.dbProtocol, URI: server.uri, MySQL: {} },
        Status: { MySQL: { ServerVersion: server.mysqlVersion ?? '' } },
      },
    },
  })
}

export function certAuthorityMessage(ca: CaPublic): CertAuthorityV2 {
  return create(CertAuthorityV2Schema, {
    Kind: 'cert_authority',
    SubKind: ca.type,
    Version: 'v2',
    Metadata: { Name: ca.cluster, Namespace: NAMESPACE },
    Spec: {
      Type: ca.type,
      ClusterName: ca.cluster,
      ActiveKeys: { SSH: ca.ssh.map(line => ({ PublicKey: bytes(`${line}\n`) })), TLS: ca.tls.map(cert => ({ Cert: bytes(cert) })) },
      AdditionalTrustedKeys: {},
      RoleMap: (ca.roleMap ?? []).map(({ remote, local }) => ({ Remote: remote, Local: [...local] })),
    },
  })
}

const values = (lists: Readonly<Record<string, readonly string[]>>): { Values: Record<string, { Values: string[] }> } => ({
  Values: Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, { Values: [...list] }])),
})

export function userMessage(user: User): UserV2 {
  return create(UserV2Schema, {
    Kind: 'user',
    Version: 'v2',
    Metadata: { Name: user.name, Namespace: NAMESPACE },
    Spec: { Roles: [...user.roles], Traits: values(user.traits) },
  })
}

const conditions = (of: RoleConditions) => ({
  Logins: [...of.logins],
  Namespaces: [NAMESPACE],
  DatabaseLabels: values(of.dbLabels),
  DatabaseNames: [...of.dbNames],
  DatabaseUsers: [...of.dbUsers],
})

export function roleMessage(role: Role): RoleV6 {
  return create(RoleV6Schema, {
    Kind: 'role',
    Version: 'v6',
    Metadata: { Name: role.name, Namespace: NAMESPACE },
    Spec: {
      Options: {
        ForwardAgent: true,
        MaxSessionTTL: BigInt(Math.round(role.maxSessionTtlMs)) * NANOSECONDS_IN_MS,
        PortForwarding: { Value: true },
        CertificateFormat: 'standard',
      },
      Allow: conditions(role.allow),
      Deny: conditions(role.deny),
    },
  })
}
