import { X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto'
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { formatAddress } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import {
  CertsSchema,
  IsMFARequiredRequestSchema,
  IsMFARequiredResponseSchema,
  ListResourcesRequestSchema,
  ListResourcesResponseSchema,
  PingRequestSchema,
  PingResponseSchema,
  UserCertsRequestSchema,
} from '../wire/gen/authservice_pb.ts'
import { GetCertAuthoritiesRequestSchema, GetCertAuthoritiesResponseSchema } from '../wire/gen/trust_pb.ts'
import { GRPC } from '../wire/grpc-status.ts'
import { decodeIdentity } from '../wire/identity.ts'
import { formatSshKey } from '../wire/ssh-keys.ts'
import { publicKeyPem } from '../wire/x509.ts'
import type { AuthApi, DatabaseRoute, HostCa } from './client.ts'
import { openAuthSession, type AuthSession, type AuthTarget } from './auth-session.ts'
import { confirmedCertificate, MFA_YES, type CallMethod } from './confirmed-certificate.ts'
import { callAuth } from './grpc-call.ts'
import { hasGrpcCode } from './grpc-errors.ts'
import { listDatabaseServers, mergeDatabaseServers } from './list-databases.ts'
import { readHostCa } from './login-answer.ts'
import { takesTwoKeys } from './login-keys.ts'
import { majorVersion } from './ping.ts'

/** UserCertsRequest.Usage of a certificate for one database. wire/auth-grpc.md 4.1 */
const USAGE_DATABASE = 3
/** UserCertsRequest.RequesterName: a local proxy's certificate, kept in memory, may live as long as the login. */
const REQUESTER_TUNNEL = 1

/** From this major on sessions are confirmed by plain calls; the stream of older ones is emptied. wire/auth-grpc.md 6 */
const UNARY_FROM = 16

const AUTH = '/proto.AuthService/'
const TRUST = '/teleport.trust.v1.TrustService/'

export interface OpenAuthApi extends AuthTarget {
  readonly signal?: AbortSignal | undefined
}

/**
 * Connects to the auth service of `cluster` and keeps the connection; one that broke is made again at the next call.
 * @throws PorticoError `login/expired`, `proxy/*`, `app/cancelled`
 */
export async function openAuthApi(options: OpenAuthApi): Promise<AuthApi> {
  const { signal: opening, ...target } = options
  const proxy = formatAddress(target.proxy)
  const ending = new AbortController()
  let session: AuthSession | undefined
  let connecting: Promise<AuthSession> | undefined
  let version: Promise<string> | undefined

  /** All callers share one attempt; one that gives up does not take it from the others. */
  const connect = async (signal: AbortSignal | undefined): Promise<AuthSession> => {
    if (ending.signal.aborted) throw new PorticoError('app/cancelled')
    if (session?.usable === true) return session
    connecting ??= openAuthSession(target, ending.signal)
      .then(opened => {
        session = opened
        if (ending.signal.aborted) opened.close()
        return opened
      })
      .finally(() => {
        connecting = undefined
      })
    connecting.catch(() => {}) // whoever waits is told; perhaps nobody does any more
    return unlessAborted(connecting, signal)
  }

  const call: CallMethod = async (method, input, output, request, signal) => {
    const bytes = toBinary(input, create(input, request))
    const open = await connect(signal)
    const answer = await callAuth(open, target.proxy, method, bytes, signal).catch(async (error: unknown) => {
      // The connection ended under the call (a server that restarts says GOAWAY): every call here may be made twice.
      const lost = error instanceof PorticoError && error.code === 'proxy/refused' && error.facts['grpc'] === undefined && !open.usable
      if (!lost) throw error
      return callAuth(await connect(signal), target.proxy, method, bytes, signal)
    })
    try {
      return fromBinary(output, answer)
    } catch (error) {
      throw new PorticoError('wire/malformed', { proxy, why: `the answer of ${method} cannot be read` }, error)
    }
  }

  const serverVersion = (signal: AbortSignal | undefined): Promise<string> => {
    version ??= call(`${AUTH}Ping`, PingRequestSchema, PingResponseSchema, {}, signal).then(answer => answer.ServerVersion)
    version.catch(() => {
      version = undefined
    })
    return version
  }

  await connect(opening).catch((error: unknown) => {
    ending.abort()
    throw error
  })
  return {
    async listDatabases(query, signal) {
      const servers = await listDatabaseServers(
        request => call(`${AUTH}ListResources`, ListResourcesRequestSchema, ListResourcesResponseSchema, request, signal),
        query,
      )
      return mergeDatabaseServers(servers, target.cluster)
    },

    async databaseCertificate(route, expires, signal) {
      const request = certificateRequest(target, route, expires, await serverVersion(signal))
      const { TLS } = await call(`${AUTH}GenerateUserCerts`, UserCertsRequestSchema, CertsSchema, request, signal)
      const pem = Buffer.from(TLS).toString('utf8')
      checkCertificate(pem, target, route, proxy)
      return pem
    },

    async needsCode(route, signal) {
      const target = { case: 'Database', value: routeMessage(route) } as const
      try {
        const answer = await call(
          `${AUTH}IsMFARequired`,
          IsMFARequiredRequestSchema,
          IsMFARequiredResponseSchema,
          { Target: target },
          signal,
        )
        return answer.Required || answer.MFARequired === MFA_YES
      } catch (error) {
        // A server that does not know the question asks for nothing; of a database that is gone the dial says more.
        if (hasGrpcCode(error, GRPC.unimplemented) || hasGrpcCode(error, GRPC.notFound)) return false
        throw error
      }
    },

    async confirmedCertificate(route, expires, askCode, signal) {
      const version = await serverVersion(signal)
      const request = certificateRequest(target, route, expires, version)
      const pem = await confirmedCertificate({
        proxy: target.proxy,
        flow: majorVersion(version) >= UNARY_FROM ? 'unary' : 'stream',
        request,
        call,
        connect,
        askCode,
        signal,
      })
      checkCertificate(pem, target, route, proxy)
      return pem
    },

    async hostCas(signal) {
      const answer = await call(
        `${TRUST}GetCertAuthorities`,
        GetCertAuthoritiesRequestSchema,
        GetCertAuthoritiesResponseSchema,
        { type: 'host' },
        signal,
      )
      const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
      // Both sets: while a CA is rotated, servers show certificates of either. wire/identity.md 8
      return answer.certAuthoritiesV2.map(({ Spec }): HostCa => {
        const sets = [Spec?.ActiveKeys, Spec?.AdditionalTrustedKeys]
        return readHostCa(
          Spec?.ClusterName ?? '',
          sets.flatMap(set => set?.TLS ?? []).map(key => text(key.Cert)),
          sets.flatMap(set => set?.SSH ?? []).map(key => text(key.PublicKey)),
        )
      })
    },

    close() {
      ending.abort()
      session?.close()
    },
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const cancel = (): void => reject(new PorticoError('app/cancelled', {}, signal.reason))
    if (signal.aborted) return cancel()
    signal.addEventListener('abort', cancel)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', cancel))
  })
}

/** Fields 1 or 23 by the server's version, never both. wire/auth-grpc.md 4.1 */
function certificateRequest(
  target: AuthTarget,
  route: DatabaseRoute,
  expires: number,
  version: string,
): MessageInitShape<typeof UserCertsRequestSchema> {
  const { identity, notAfter } = decodeIdentity(target.login.tlsCert)
  const key = createPublicKey(createPrivateKey(target.login.tlsKey))
  const text = (line: string): Uint8Array => Buffer.from(line, 'utf8')
  return {
    ...(takesTwoKeys(version) ? { TLSPublicKey: text(publicKeyPem(key)) } : { PublicKey: text(`${formatSshKey(key)}\n`) }),
    Username: identity.username,
    // The server cuts it to the login's end by itself; asking for no more keeps the answer predictable.
    Expires: { seconds: BigInt(Math.floor(Math.min(expires, notAfter) / 1000)) },
    Format: 'standard',
    RouteToCluster: route.cluster,
    Usage: USAGE_DATABASE,
    RequesterName: REQUESTER_TUNNEL,
    RouteToDatabase: routeMessage(route),
  }
}

const routeMessage = ({ name, dbProtocol, databaseUser, databaseName }: DatabaseRoute) => ({
  ServiceName: name,
  Protocol: dbProtocol,
  Username: databaseUser,
  Database: databaseName,
})

/** A server that gives a certificate for another key or another database is not used. */
function checkCertificate(pem: string, { login }: AuthTarget, route: DatabaseRoute, proxy: string): void {
  const wrong = (why: string): PorticoError => new PorticoError('proxy/answer', { proxy, why })
  if (!new X509Certificate(pem).checkPrivateKey(createPrivateKey(login.tlsKey))) throw wrong('the new certificate is for another key')
  if (decodeIdentity(pem).identity.routeToDatabase?.ServiceName !== route.name) throw wrong('the new certificate is for another database')
}
