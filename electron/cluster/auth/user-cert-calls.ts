import { create } from '@bufbuild/protobuf'
import {
  AuthService,
  CertsSchema,
  IsMFARequiredResponseSchema,
  MFAAuthenticateChallengeSchema,
  UserSingleUseCertsResponseSchema,
  type IsMFARequiredRequest,
  type MFAAuthenticateChallenge,
  type MFAAuthenticateResponse,
  type UserCertsRequest,
} from '../../wire/gen/authservice_pb.ts'
import { GRPC } from '../../wire/grpc-status.ts'
import { parseSshKey } from '../../wire/ssh-keys.ts'
import { publicKeyPem } from '../../wire/x509.ts'
import { needsSessionMfa } from './access.ts'
import { EXPIRED, type Caller } from './open-auth.ts'
import { conversation, method, type CallContext, type RpcMethod } from './rpc-method.ts'
import { RpcRefusal } from './rpc-refusal.ts'
import type { UserCertificates, UserKeys } from './user-certificates.ts'

/** Certificates that a user asks for, and how a session is confirmed with a second factor. wire/auth-grpc.md 4, 6 */

const denied = (message: string): RpcRefusal => new RpcRefusal(GRPC.permissionDenied, message)
const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8')
const text = (given: Uint8Array): string => Buffer.from(given).toString('utf8')
const IMPERSONATION = 'access denied: impersonation is not allowed'
// Teleport: lib/client, ErrNoMFADevices
const NO_DEVICE = 'MFA is required to access this resource but user has no MFA devices'

/** OU by UserCertsRequest.Usage; the others restrict nothing. wire/identity.md 4 */
const USAGES: Readonly<Record<number, readonly string[]>> = {
  2: ['usage:kube'],
  3: ['usage:db'],
  4: ['usage:apps'],
  5: ['usage:windows_desktop'],
}
const KUBERNETES = 2
const DATABASE = 3
/** UserCertsRequest.RequesterName: the certificate stays in memory, so it may live as long as the login. */
const LOCAL_TUNNEL = 1
/** UserCertsRequest.Purpose */
const SINGLE_USE = 2
const SINGLE_USE_MS = 60_000
const [REQUIRED, NOT_REQUIRED] = [1, 2]

/** Field 1 for both certificates (up to v16), or 22 and 23 each for its own. */
function keysOf(request: UserCertsRequest): UserKeys {
  const [old, ssh, tls] = [text(request.PublicKey), text(request.SSHPublicKey), text(request.TLSPublicKey)]
  if (old !== '') {
    if (ssh + tls !== '') throw new RpcRefusal(GRPC.invalidArgument, 'PublicKey cannot be set together with SSHPublicKey or TLSPublicKey')
    return { sshPublicKey: old, tlsPublicKey: publicKeyPem(parseSshKey(old)) }
  }
  if (ssh + tls === '') throw new RpcRefusal(GRPC.unknown, 'ssh: no key found')
  return { sshPublicKey: ssh === '' ? undefined : ssh, tlsPublicKey: tls === '' ? undefined : tls }
}

function ownRequest(request: UserCertsRequest, { caller }: CallContext): Caller {
  if (caller.kind !== 'user' || request.Username !== caller.caller.identity.username) throw denied(IMPERSONATION)
  if (request.UseRoleRequests || request.RoleRequests.length > 0) throw denied(IMPERSONATION)
  return caller.caller
}

/** @param device what confirmed the session; undefined = nothing did */
function issue(
  request: UserCertsRequest,
  caller: Caller,
  { auth, now }: CallContext,
  device: string | undefined,
): Promise<UserCertificates> {
  const { Expires: expires, RouteToDatabase: route } = request
  if (expires === undefined) throw denied(EXPIRED)
  if (request.AccessRequests.length > 0) throw new RpcRefusal(GRPC.notFound, `access request "${request.AccessRequests[0]}" is not found`)
  if (request.Usage === KUBERNETES) {
    throw new RpcRefusal(
      GRPC.invalidArgument,
      `kubernetes cluster "${request.KubernetesCluster}" is not registered in this teleport cluster; ` +
        `you can list registered kubernetes clusters using 'tsh kube ls'`,
    )
  }
  const wished = Number(expires.seconds) * 1_000 + Math.floor(expires.nanos / 1e6)
  const isBrief = device !== undefined && !(request.RequesterName === LOCAL_TUNNEL && request.Usage === DATABASE)
  return auth.reissue(caller, {
    ...keysOf(request),
    usage: USAGES[request.Usage] ?? [],
    routeToCluster: request.RouteToCluster,
    routeToDatabase: route === undefined || route.ServiceName === '' ? undefined : route,
    notAfter: isBrief ? Math.min(wished, now() + SINGLE_USE_MS) : wished,
    device,
  })
}

/** Of the database that is named, by the roles that the caller has here. */
async function isRequired({ Target }: IsMFARequiredRequest, { auth, caller }: CallContext): Promise<boolean> {
  if (caller.kind !== 'user') throw denied('only a user role can call IsMFARequired, got *services.accessChecker')
  if (Target.case !== 'Database') return false
  const { ServiceName, Username, Database } = Target.value
  const roles = await auth.rolesOf(caller.caller.identity)
  if (!roles.some(role => role.requireSessionMfa === true)) return false
  const servers = (await auth.databaseServers()).filter(server => server.name === ServiceName)
  return servers.some(server => needsSessionMfa(roles, server, Username || undefined, Database || undefined))
}

async function challengeFor(user: string, { auth }: CallContext): Promise<MFAAuthenticateChallenge> {
  if (!(await auth.canConfirm(user))) throw denied(NO_DEVICE)
  return create(MFAAuthenticateChallengeSchema, { TOTP: {}, MFARequired: REQUIRED })
}

function confirm(user: string, response: MFAAuthenticateResponse, { auth }: CallContext): Promise<string> {
  const { Response } = response
  if (Response.case !== 'TOTP') throw new RpcRefusal(GRPC.invalidArgument, 'unknown or missing MFAAuthenticateResponse type')
  return auth.confirmSession(user, Response.value.Code)
}

export const USER_CERT_METHODS: readonly (readonly [string, RpcMethod])[] = [
  method(AuthService.method.isMFARequired, async (request, context) => {
    // Not required is the empty message. [captured]
    const required = await isRequired(request, context)
    return create(IsMFARequiredResponseSchema, required ? { Required: true, MFARequired: REQUIRED } : {})
  }),

  method(AuthService.method.createAuthenticateChallenge, async (request, context) => {
    const { caller } = context
    if (request.Request.case !== 'ContextUser' || caller.kind !== 'user')
      throw new RpcRefusal(GRPC.invalidArgument, 'only challenges for the user of the certificate are made here')
    const check = request.MFARequiredCheck
    if (check !== undefined && !(await isRequired(check, context)))
      return create(MFAAuthenticateChallengeSchema, { MFARequired: NOT_REQUIRED })
    return challengeFor(caller.caller.identity.username, context)
  }),

  method(AuthService.method.generateUserCerts, async (request, context) => {
    const caller = ownRequest(request, context)
    const { MFAResponse: response } = request
    if (response === undefined && request.Purpose === SINGLE_USE) throw denied('single-use certificates need a second factor')
    const device = response === undefined ? undefined : await confirm(request.Username, response, context)
    const { sshCert, tlsCert } = await issue(request, caller, context, device)
    const ca = context.auth.ca('user')
    return create(CertsSchema, {
      SSH: bytes(sshCert === '' ? '' : `${sshCert}\n`),
      TLS: bytes(tlsCert),
      TLSCACerts: ca.tls.map(bytes),
      SSHCACerts: ca.ssh.map(line => bytes(`${line}\n`)),
    })
  }),

  conversation(AuthService.method.generateUserSingleUseCerts, async function* (next, context) {
    const { Request: first } = await next()
    if (first.case !== 'Init') throw new RpcRefusal(GRPC.invalidArgument, 'expected UserSingleUseCertsRequest_Init')
    const caller = ownRequest(first.value, context)
    if (first.value.Usage !== DATABASE)
      throw new RpcRefusal(GRPC.invalidArgument, 'unsupported usage: single-use certificates are for databases')
    if (!first.value.RouteToDatabase?.ServiceName)
      throw new RpcRefusal(GRPC.invalidArgument, 'missing ServiceName field in a database-only UserCertsRequest')
    const challenge = await challengeFor(first.value.Username, context)
    yield create(UserSingleUseCertsResponseSchema, { Response: { case: 'MFAChallenge', value: challenge } })
    const { Request: second } = await next()
    if (second.case !== 'MFAResponse') throw new RpcRefusal(GRPC.invalidArgument, 'expected UserSingleUseCertsRequest_MFAResponse')
    const { tlsCert } = await issue(first.value, caller, context, await confirm(first.value.Username, second.value, context))
    const cert = { case: 'TLS', value: bytes(tlsCert) } as const
    yield create(UserSingleUseCertsResponseSchema, { Response: { case: 'Cert', value: { Cert: cert } } })
  }),
]
