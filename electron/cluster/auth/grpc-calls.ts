import { create } from '@bufbuild/protobuf'
import { formatAddress } from '../../../shared/address.ts'
import {
  AuthService,
  DatabaseCertResponseSchema,
  DatabaseCSRResponseSchema,
  GetClusterCACertResponseSchema,
  PingResponseSchema,
} from '../../wire/gen/authservice_pb.ts'
import { GetCertAuthoritiesResponseSchema, TrustService } from '../../wire/gen/trust_pb.ts'
import { GRPC } from '../../wire/grpc-status.ts'
import { mayListDatabase } from './access.ts'
import type { CaType } from './auth.ts'
import { CA_TYPES } from './authorities.ts'
import { listResources } from './list-resources.ts'
import { certAuthorityMessage, roleMessage, SERVER_VERSION, userMessage } from './messages.ts'
import type { Caller } from './open-auth.ts'
import { method, type CallContext, type RpcMethod } from './rpc-method.ts'
import { RpcRefusal } from './rpc-refusal.ts'
import { SERVICE_METHODS } from './service-calls.ts'
import { USER_CERT_METHODS } from './user-cert-calls.ts'

const denied = (message: string): RpcRefusal => new RpcRefusal(GRPC.permissionDenied, message)
const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8')
const text = (given: Uint8Array): string => Buffer.from(given).toString('utf8')

const NS_IN_MS = 1_000_000n

/** Types that a Teleport 13 has; those that this cluster has none of are empty lists. */
const OTHER_CA_TYPES: ReadonlySet<string> = new Set(['openssh', 'jwt', 'saml_idp'])
const isCaType = (type: string): type is CaType => (CA_TYPES as readonly string[]).includes(type)

function checkCaRequest({ type, includeKey }: { readonly type: string; readonly includeKey: boolean }, { caller }: CallContext): void {
  if (caller.kind === 'nop') {
    throw denied(
      'access denied to perform action "list" on "cert_authority", access denied to perform action "readnosecrets" on "cert_authority"',
    )
  }
  if (!isCaType(type) && !OTHER_CA_TYPES.has(type)) throw new RpcRefusal(GRPC.invalidArgument, `"${type}" authority type is not supported`)
  if (includeKey) throw denied('access denied to perform action "read" on "cert_authority"')
}

function userOf({ caller }: CallContext): Caller {
  if (caller.kind === 'user') return caller.caller
  const message = caller.kind === 'nop' ? 'role Nop is not found' : `user "${caller.name}" is not found`
  throw new RpcRefusal(GRPC.notFound, message)
}

const METHOD_LIST: readonly (readonly [string, RpcMethod])[] = [
  method(AuthService.method.ping, async (_, { auth, client, publicAddress }) =>
    create(PingResponseSchema, {
      ClusterName: auth.clusterName,
      ServerVersion: SERVER_VERSION,
      ServerFeatures: { DB: true },
      ProxyPublicAddr: publicAddress,
      RemoteAddr: formatAddress(client),
    }),
  ),

  method(AuthService.method.getClusterCACert, async (_, { auth }) =>
    create(GetClusterCACertResponseSchema, { TLSCA: bytes(auth.ca('host').tls.join('')) }),
  ),

  method(TrustService.method.getCertAuthorities, async (request, context) => {
    checkCaRequest(request, context)
    return create(GetCertAuthoritiesResponseSchema, {
      certAuthoritiesV2: isCaType(request.type) ? context.auth.trustedCas(request.type).map(certAuthorityMessage) : [],
    })
  }),

  method(TrustService.method.getCertAuthority, async (request, context) => {
    checkCaRequest(request, context)
    const { type, domain } = request
    const ca = isCaType(type) ? context.auth.trustedCas(type).find(one => one.cluster === domain) : undefined
    if (ca === undefined) {
      throw new RpcRefusal(GRPC.notFound, `key "/authorities/${type}/${domain}" is not found`)
    }
    return certAuthorityMessage(ca)
  }),

  method(AuthService.method.getCurrentUser, async (_, context) => {
    const { identity } = userOf(context)
    const { username } = identity
    const { clusterName, rolesOf } = context.auth
    if (identity.teleportCluster !== clusterName) {
      return userMessage({ name: username, roles: (await rolesOf(identity)).map(({ name }) => name), traits: identity.traits })
    }
    const user = await context.auth.user(username)
    if (user === undefined) throw new RpcRefusal(GRPC.notFound, `user "${username}" is not found`)
    return userMessage(user)
  }),

  method(AuthService.method.getCurrentUserRoles, async (_, context) =>
    (await context.auth.rolesOf(userOf(context).identity)).map(roleMessage),
  ),

  method(AuthService.method.listResources, async (request, { auth, caller, isReachable }) => {
    if (caller.kind === 'nop') throw denied(`access denied to perform action "list" on "${request.ResourceType}"`)
    const servers = (await auth.databaseServers()).filter(isReachable)
    const roles = caller.kind === 'user' ? await auth.rolesOf(caller.caller.identity) : undefined
    return listResources(request, roles === undefined ? [...servers] : servers.filter(server => mayListDatabase(roles, server)))
  }),

  ...USER_CERT_METHODS,
  ...SERVICE_METHODS,

  method(AuthService.method.signDatabaseCSR, async (request, { auth, caller }) => {
    if (caller.kind !== 'service' || caller.role !== 'Proxy') throw denied('this request can only be executed by a proxy service')
    const { cert, caCerts } = await auth.signDatabaseCsr(text(request.CSR), request.ClusterName)
    return create(DatabaseCSRResponseSchema, { Cert: bytes(cert), CACerts: caCerts.map(bytes) })
  }),

  method(AuthService.method.generateDatabaseCert, async (request, { auth, caller }) => {
    if (caller.kind !== 'service' || caller.role !== 'Db') throw denied('this request can only be executed by a database service')
    const { cert, caCerts } = await auth.generateDatabaseCert(text(request.CSR), Number(request.TTL / NS_IN_MS))
    return create(DatabaseCertResponseSchema, { Cert: bytes(cert), CACerts: caCerts.map(bytes) })
  }),
]

const METHODS: ReadonlyMap<string, RpcMethod> = new Map(METHOD_LIST)
const SERVICES: ReadonlySet<string> = new Set([AuthService.typeName, TrustService.typeName])

/** @throws RpcRefusal 12, in Go's words */
export function findMethod(path: string): RpcMethod {
  const found = METHODS.get(path)
  if (found !== undefined) return found
  const [, service, name] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? []
  const message =
    service === undefined
      ? `malformed method name: ${JSON.stringify(path)}`
      : SERVICES.has(service)
        ? `unknown method ${name} for service ${service}`
        : `unknown service ${service}`
  throw new RpcRefusal(GRPC.unimplemented, message)
}
