import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { CertAuthorityV2, DatabaseServerV3, RoleConditions as ConditionsMessage, RoleV6 } from '../../wire/gen/types_pb.ts'
import type { CaPublic, CaType, DatabaseServer, Role, RoleConditions } from './auth.ts'

/** Messages of services and other clusters as our values: the other direction of messages.ts. */

const NANOSECONDS_IN_MS = 1_000_000n
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8').trim()

/** @returns undefined for a message without what makes it one */
export function databaseServerOf({ Metadata, Spec }: DatabaseServerV3): DatabaseServer | undefined {
  const database = Spec?.Database
  const name = database?.Metadata?.Name || Metadata?.Name || ''
  if (Spec === undefined || name === '' || Spec.HostID === '') return undefined
  const mysqlVersion = database?.Status?.MySQL?.ServerVersion || database?.Spec?.MySQL?.ServerVersion
  return {
    name,
    ...(mysqlVersion ? { mysqlVersion } : {}),
    description: database?.Metadata?.Description ?? '',
    dbProtocol: database?.Spec?.Protocol || Spec.Protocol,
    uri: database?.Spec?.URI || Spec.URI,
    labels: { ...database?.Metadata?.Labels },
    hostId: Spec.HostID,
    hostname: Spec.Hostname,
    expires: Metadata?.Expires === undefined ? 0 : timestampMs(Metadata.Expires),
  }
}

const conditions = (of: ConditionsMessage | undefined): RoleConditions => ({
  logins: of?.Logins ?? [],
  dbUsers: of?.DatabaseUsers ?? [],
  dbNames: of?.DatabaseNames ?? [],
  dbLabels: Object.fromEntries(Object.entries(of?.DatabaseLabels?.Values ?? {}).map(([key, { Values }]) => [key, Values])),
})

export function roleOf({ Metadata, Spec }: RoleV6): Role {
  return {
    name: Metadata?.Name ?? '',
    maxSessionTtlMs: Number((Spec?.Options?.MaxSessionTTL ?? 0n) / NANOSECONDS_IN_MS),
    allow: conditions(Spec?.Allow),
    deny: conditions(Spec?.Deny),
  }
}

/** Every key that is trusted: those in use and, during a rotation, the others. */
export function caOf(type: CaType, { Metadata, Spec }: CertAuthorityV2): CaPublic {
  const sets = [Spec?.ActiveKeys, Spec?.AdditionalTrustedKeys]
  return {
    type,
    cluster: Spec?.ClusterName || (Metadata?.Name ?? ''),
    tls: sets.flatMap(set => set?.TLS ?? []).map(({ Cert }) => `${text(Cert)}\n`),
    ssh: sets.flatMap(set => set?.SSH ?? []).map(({ PublicKey }) => text(PublicKey)),
    ...(Spec === undefined || Spec.RoleMap.length === 0
      ? {}
      : { roleMap: Spec.RoleMap.map(({ Remote, Local }) => ({ remote: Remote, local: Local })) }),
  }
}
