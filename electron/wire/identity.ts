import { createHash } from 'node:crypto'
import { DerReader, TAG, derOid, derSequence, derSetOf, derText, malformed, readOid, readText, readTime } from './der.ts'
import { pemToDer } from './pem.ts'

/** Standard attributes, then Teleport's own arc. wire/identity.md 2.1, 3; Teleport: lib/tlsca/ca.go */
const OID = {
  commonName: '2.5.4.3',
  locality: '2.5.4.7',
  street: '2.5.4.9',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  postalCode: '2.5.4.17',
  kubeUsers: '1.3.9999.1.1',
  kubeGroups: '1.3.9999.1.2',
  kubeCluster: '1.3.9999.1.3',
  appSessionId: '1.3.9999.1.4',
  appClusterName: '1.3.9999.1.5',
  appPublicAddr: '1.3.9999.1.6',
  teleportCluster: '1.3.9999.1.7',
  mfaVerified: '1.3.9999.1.8',
  loginIp: '1.3.9999.1.9',
  appName: '1.3.9999.1.10',
  appAwsRoleArn: '1.3.9999.1.11',
  awsRoleArns: '1.3.9999.1.12',
  privateKeyPolicy: '1.3.9999.1.15',
  databaseService: '1.3.9999.2.1',
  databaseProtocol: '1.3.9999.2.2',
  databaseUser: '1.3.9999.2.3',
  databaseName: '1.3.9999.2.4',
  databaseNames: '1.3.9999.2.5',
  databaseUsers: '1.3.9999.2.6',
  activeRequests: '1.3.9999.2.8',
  disallowReissue: '1.3.9999.2.9',
  previousIdentityExpires: '1.3.9999.2.12',
  pinnedIp: '1.3.9999.2.15',
} as const

/** Teleport: lib/tlsca/ca.go, RouteToDatabase; wire spelling kept. Empty strings mean "not set". */
export interface RouteToDatabase {
  readonly ServiceName: string
  readonly Protocol: string
  readonly Username: string
  readonly Database: string
}

export interface RouteToApp {
  readonly sessionId: string
  readonly clusterName: string
  readonly publicAddr: string
  readonly name: string
  readonly awsRoleArn?: string
}

/** What a Teleport certificate says about its holder: the subject's attributes. Teleport: lib/tlsca/ca.go Identity. */
export interface Identity {
  readonly username: string
  /** For hosts and services: the system role. */
  readonly roles: readonly string[]
  /** `usage:db`, …; empty = unrestricted. */
  readonly usage: readonly string[]
  readonly logins: readonly string[]
  readonly routeToCluster: string
  /** The cluster that issued it; the issuer's O where the attribute is missing. */
  readonly teleportCluster: string
  readonly traits: Readonly<Record<string, readonly string[]>>
  readonly kubeUsers: readonly string[]
  readonly kubeGroups: readonly string[]
  readonly kubeCluster: string
  /** undefined when the service name is absent or empty. */
  readonly routeToDatabase: RouteToDatabase | undefined
  readonly databaseNames: readonly string[]
  readonly databaseUsers: readonly string[]
  readonly app: RouteToApp | undefined
  readonly loginIp: string
  readonly pinnedIp: string
  readonly activeRequests: readonly string[]
  readonly disallowReissue: boolean
  readonly privateKeyPolicy: string
  /** Device that a session was confirmed with; empty = not confirmed. */
  readonly mfaVerified: string
  /** RFC 3339: end of the login that a confirmed session hangs on. */
  readonly previousIdentityExpires?: string
  /** AWS roles the holder may choose from. */
  readonly awsRoleArns?: readonly string[]
}

export interface DecodedIdentity {
  readonly identity: Identity
  /** ms since 1970 */
  readonly notBefore: number
  /** ms since 1970 */
  readonly notAfter: number
  /** CN of the issuer = the root cluster's name. */
  readonly issuer: string
  /** Lower-case hex without a leading zero byte. */
  readonly serial: string
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string
}

/**
 * Reads the first certificate of a PEM text, or a DER certificate. Unknown attributes are ignored.
 * @throws PorticoError wire/malformed: no certificate, or no CN or O in it and so no Teleport identity
 */
export function decodeIdentity(certificate: Uint8Array | string): DecodedIdentity {
  const bytes = typeof certificate === 'string' ? pemToDer(certificate, 'CERTIFICATE') : certificate
  const outer = new DerReader(bytes)
  const whole = outer.next()
  if (whole.tag !== TAG.sequence || !outer.done) throw malformed('not one certificate')
  const tbs = new DerReader(whole.content).enter(TAG.sequence)
  tbs.optional(0xa0) // version
  const serial = tbs.expect(TAG.integer).content.toString('hex')
  tbs.expect(TAG.sequence) // signature algorithm
  const issuer = readName(tbs.expect(TAG.sequence).content)
  const validity = tbs.enter(TAG.sequence)
  const [notBefore, notAfter] = [readTime(validity.next()), readTime(validity.next())]
  const subject = readName(tbs.expect(TAG.sequence).content)
  return {
    identity: identityOf(subject, issuer),
    notBefore,
    notAfter,
    issuer: last(issuer, OID.commonName),
    serial: serial.length > 2 && serial.startsWith('00') ? serial.slice(2) : serial,
    fingerprint: createHash('sha256').update(whole.whole).digest('hex'),
  }
}

/** The identity that a subject on its own states, as in a certificate request; `teleportCluster` is empty where it is not said. */
export function decodeSubject(name: Uint8Array): Identity {
  return identityOf(readName(new DerReader(name).expect(TAG.sequence).content), new Map())
}

type Name = ReadonlyMap<string, readonly string[]>

/** Values by OID, in order. One attribute a set or many make no difference. */
function readName(content: Uint8Array): Name {
  const values = new Map<string, string[]>()
  for (const rdns = new DerReader(content); !rdns.done;) {
    for (const set = rdns.enter(TAG.set); !set.done;) {
      const attribute = set.enter(TAG.sequence)
      const oid = readOid(attribute.expect(TAG.oid).content)
      const text = readText(attribute.next())
      if (text === undefined) continue
      const known = values.get(oid)
      if (known === undefined) values.set(oid, [text])
      else known.push(text)
    }
  }
  return values
}

const all = (name: Name, oid: string): readonly string[] => name.get(oid) ?? []
const last = (name: Name, oid: string): string => name.get(oid)?.at(-1) ?? ''

function identityOf(subject: Name, issuer: Name): Identity {
  const username = last(subject, OID.commonName)
  const roles = all(subject, OID.organization)
  if (username === '') throw malformed('the certificate names no user (CN)')
  if (roles.length === 0) throw malformed('the certificate names no role (O)')
  const service = last(subject, OID.databaseService)
  const app: RouteToApp = {
    sessionId: last(subject, OID.appSessionId),
    clusterName: last(subject, OID.appClusterName),
    publicAddr: last(subject, OID.appPublicAddr),
    name: last(subject, OID.appName),
  }
  const awsRoleArn = last(subject, OID.appAwsRoleArn)
  const awsRoleArns = all(subject, OID.awsRoleArns)
  const previousIdentityExpires = last(subject, OID.previousIdentityExpires)
  return {
    username,
    roles,
    usage: all(subject, OID.organizationalUnit),
    logins: all(subject, OID.locality),
    routeToCluster: last(subject, OID.street),
    teleportCluster: last(subject, OID.teleportCluster) || (issuer.get(OID.organization)?.[0] ?? ''),
    traits: readTraits(last(subject, OID.postalCode)),
    kubeUsers: all(subject, OID.kubeUsers),
    kubeGroups: all(subject, OID.kubeGroups),
    kubeCluster: last(subject, OID.kubeCluster),
    routeToDatabase:
      service === ''
        ? undefined
        : {
            ServiceName: service,
            Protocol: last(subject, OID.databaseProtocol),
            Username: last(subject, OID.databaseUser),
            Database: last(subject, OID.databaseName),
          },
    databaseNames: all(subject, OID.databaseNames),
    databaseUsers: all(subject, OID.databaseUsers),
    app: app.sessionId + app.publicAddr + app.name === '' ? undefined : { ...app, ...(awsRoleArn === '' ? {} : { awsRoleArn }) },
    loginIp: last(subject, OID.loginIp),
    pinnedIp: last(subject, OID.pinnedIp),
    activeRequests: all(subject, OID.activeRequests),
    disallowReissue: last(subject, OID.disallowReissue) === 'true',
    privateKeyPolicy: last(subject, OID.privateKeyPolicy),
    mfaVerified: last(subject, OID.mfaVerified),
    ...(previousIdentityExpires === '' ? {} : { previousIdentityExpires }),
    ...(awsRoleArns.length === 0 ? {} : { awsRoleArns }),
  }
}

/** Traits never cost an identity: old protobuf, broken JSON and odd values read as none. */
function readTraits(text: string): Readonly<Record<string, readonly string[]>> {
  const traits: Record<string, readonly string[]> = {}
  let json: unknown
  try {
    json = JSON.parse(text === '' ? 'null' : text)
  } catch {
    return traits
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return traits
  for (const [name, values] of Object.entries(json)) {
    if (name === '__proto__') continue
    traits[name] = Array.isArray(values) ? values.filter(value => typeof value === 'string') : []
  }
  return traits
}

/** As Go's encoding/json writes a map: sorted keys, `<>&` escaped, an empty list as null. */
export function encodeTraits(traits: Identity['traits']): string {
  const names = Object.keys(traits).sort()
  if (names.length === 0) return 'null'
  const sorted = Object.fromEntries(names.map(name => [name, traits[name]!.length === 0 ? null : traits[name]]))
  return JSON.stringify(sorted).replace(/[<>&\u2028\u2029]/g, found => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * The subject (DER Name) of a certificate that states `identity`, byte for byte as a Teleport 13 writes it: standard attributes
 * as one sorted set each, custom ones a set per value. wire/identity.md 2.1
 */
export function encodeSubject(identity: Identity): Buffer {
  const { routeToDatabase: db, app } = identity
  const rdns: Buffer[] = []
  const attribute = (oid: string, value: string): Buffer => derSequence(derOid(oid), derText(value))
  const together = (oid: string, values: readonly string[]): void => {
    if (values.length > 0) rdns.push(derSetOf(...values.map(value => attribute(oid, value))))
  }
  const each = (oid: string, values: readonly string[]): void => {
    for (const value of values) if (value !== '') rdns.push(derSetOf(attribute(oid, value)))
  }
  together(OID.locality, identity.logins)
  together(OID.street, [identity.routeToCluster])
  together(OID.postalCode, [encodeTraits(identity.traits)])
  together(OID.organization, identity.roles)
  together(OID.organizationalUnit, identity.usage)
  together(OID.commonName, [identity.username])
  each(OID.kubeUsers, identity.kubeUsers)
  each(OID.kubeGroups, identity.kubeGroups)
  each(OID.kubeCluster, [identity.kubeCluster])
  each(OID.appSessionId, [app?.sessionId ?? ''])
  each(OID.appPublicAddr, [app?.publicAddr ?? ''])
  each(OID.appClusterName, [app?.clusterName ?? ''])
  each(OID.appName, [app?.name ?? ''])
  each(OID.appAwsRoleArn, [app?.awsRoleArn ?? ''])
  each(OID.awsRoleArns, identity.awsRoleArns ?? [])
  each(OID.teleportCluster, [identity.teleportCluster])
  each(OID.mfaVerified, [identity.mfaVerified])
  each(OID.loginIp, [identity.loginIp])
  each(OID.databaseService, [db?.ServiceName ?? ''])
  each(OID.databaseProtocol, [db?.Protocol ?? ''])
  each(OID.databaseUser, [db?.Username ?? ''])
  each(OID.databaseName, [db?.Database ?? ''])
  each(OID.databaseNames, identity.databaseNames)
  each(OID.databaseUsers, identity.databaseUsers)
  each(OID.activeRequests, identity.activeRequests)
  each(OID.previousIdentityExpires, [identity.previousIdentityExpires ?? ''])
  each(OID.disallowReissue, [identity.disallowReissue ? 'true' : ''])
  each(OID.pinnedIp, [identity.pinnedIp])
  each(OID.privateKeyPolicy, [identity.privateKeyPolicy])
  return derSequence(...rdns)
}

/** Everything unset: what issuers start from. */
export const NO_IDENTITY: Identity = {
  username: '',
  roles: [],
  usage: [],
  logins: [],
  routeToCluster: '',
  teleportCluster: '',
  traits: {},
  kubeUsers: [],
  kubeGroups: [],
  kubeCluster: '',
  routeToDatabase: undefined,
  databaseNames: [],
  databaseUsers: [],
  app: undefined,
  loginIp: '',
  pinnedIp: '',
  activeRequests: [],
  disallowReissue: false,
  privateKeyPolicy: '',
  mfaVerified: '',
}
