import { X509Certificate } from 'node:crypto'
import { performServerHandshake, type ServerHttp2Session } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import { ALPN } from '../../../shared/protocols.ts'
import type { Log } from '../../log/log.ts'
import { decodeClusterSni } from '../../wire/cluster-name.ts'
import { decodeIdentity } from '../../wire/identity.ts'
import { peek } from '../router/peek.ts'
import { serveTls } from '../router/tls-server.ts'
import type { Handshake } from '../router/route.ts'
import type { KeyPair } from './auth.ts'
import { serveCall } from './grpc-stream.ts'
import type { OpenAuth } from './open-auth.ts'
import { remoteUser } from './role-map.ts'
import { SYSTEM_ROLES } from './roles.ts'
import type { CallContext, RpcCaller } from './rpc-method.ts'

export interface AuthGrpcOptions {
  readonly auth: OpenAuth
  /** The auth server's own host certificate. */
  readonly hostKeyPair: () => KeyPair
  /** PEM: the user and the host authorities of this cluster and of those that are trusted. */
  readonly clientCas: () => readonly string[]
  readonly log: Log
  /** `host:port` that Ping tells. */
  readonly publicAddress?: string
  /** Gets the connections of those who speak HTTP/1.1 instead. Default: they are closed. */
  readonly serveHttp?: (stream: Duplex, caller: RpcCaller) => void
  /** Default: everything that is announced is listed. */
  readonly isReachable?: CallContext['isReachable']
  readonly now?: () => number
}

export interface AuthGrpc {
  /** Handler `auth`: gets the client's TLS stream untouched, from its ClientHello on. Never rejects. */
  serve(stream: Duplex, handshake: Pick<Handshake, 'client'>): Promise<void>
  /** Ends every connection: running calls first, up to `drainMs`. */
  close(drainMs?: number): Promise<void>
}

const HANDSHAKE_MS = 10_000
/** A connection that is silent this long is asked whether it is alive. Go's clients and servers do so every 60 s or more. */
const KEEPALIVE_MS = 90_000
const MAX_STREAMS = 100

/**
 * As Go negotiates where a server lists `h2` only: who offers `http/1.1` instead gets no name and is served, any other list is refused.
 * wire/alpn-sni.md 3.5 [captured]
 */
export function authAlpnFor(offered: readonly string[]): readonly string[] | undefined {
  return !offered.includes(ALPN.h2) && offered.includes(ALPN.http11) ? undefined : [ALPN.h2]
}

/** The auth API: gRPC over HTTP/2 over mutual TLS. wire/auth-grpc.md 1 */
export function openAuthGrpc(options: AuthGrpcOptions): AuthGrpc {
  const { auth, hostKeyPair, clientCas, log, publicAddress = '', serveHttp, isReachable = () => true, now = Date.now } = options
  const sessions = new Set<ServerHttp2Session>()
  let closing = false

  return {
    async serve(stream, { client }) {
      stream.on('error', () => stream.destroy())
      if (closing) return void stream.destroy()
      try {
        const peeked = await peek(stream, { firstBytesMs: HANDSHAKE_MS, clientHelloMs: HANDSHAKE_MS }, false)
        if (peeked.state !== 'tls') return void stream.destroy()
        const alpn = authAlpnFor(peeked.hello.alpn)
        const tls = await serveTls(stream, {
          keyPair: hostKeyPair(),
          clientCas: clientCas(),
          clientCertificate: 'optional',
          ...(alpn === undefined ? {} : { alpn }),
          deadlineMs: HANDSHAKE_MS,
          now,
        })
        tls.stream.on('error', () => tls.stream.destroy())
        const caller = tls.peerCertificate === undefined ? NOP : callerOf(tls.peerCertificate, auth)
        const refused = closing || caller === undefined || !fitsSni(tls.sni, caller.kind === 'nop' ? undefined : caller.cluster, auth)
        if (refused) {
          log.debug('auth.connection-refused', { client: client.host })
          return void tls.stream.end(() => tls.stream.destroy())
        }
        // Only tls.Server clears this flag, and node:http2 waits for ever on a socket that has it.
        Object.assign(tls.stream, { secureConnecting: false })
        if (tls.negotiated === ALPN.h2) serveSession(tls.stream, caller, client)
        else if (serveHttp !== undefined) serveHttp(tls.stream, caller)
        else tls.stream.end(() => tls.stream.destroy())
      } catch (thrown) {
        stream.destroy()
        log.debug('auth.handshake-failed', { client: client.host }, thrown)
      }
    },

    async close(drainMs = 0) {
      closing = true
      await Promise.all(
        [...sessions].map(
          session =>
            new Promise<void>(resolve => {
              const late = setTimeout(() => session.destroy(), drainMs)
              session.once('close', () => {
                clearTimeout(late)
                resolve()
              })
              session.close()
            }),
        ),
      )
    },
  }

  function serveSession(stream: Duplex, caller: RpcCaller, client: Address): void {
    const session = performServerHandshake(stream, { settings: { maxConcurrentStreams: MAX_STREAMS }, maxSessionMemory: 32 })
    sessions.add(session)
    session.on('error', () => session.destroy())
    session.once('close', () => {
      sessions.delete(session)
      stream.destroy()
    })
    keepAlive(session)
    const context = { auth, caller, client, publicAddress, isReachable, now }
    session.on('stream', (call, headers) => void serveCall(call, headers, context, log))
  }
}

const NOP: RpcCaller = { kind: 'nop' }

/** Silence, a ping, silence again: the other side is gone. */
function keepAlive(session: ServerHttp2Session): void {
  let asked = false
  session.setTimeout(KEEPALIVE_MS, () => {
    if (asked || session.destroyed) {
      session.destroy()
      return
    }
    asked = true
    session.ping(error => {
      if (error === null) asked = false
      else session.destroy()
    })
  })
}

/** The name in SNI narrows which clients are taken: those of the cluster that it names. [captured] */
function fitsSni(sni: string | undefined, cluster: string | undefined, auth: OpenAuth): boolean {
  const found = sni === undefined ? { state: 'none' as const } : decodeClusterSni(sni)
  if (found.state !== 'cluster') return found.state === 'none'
  if (cluster !== undefined) return found.cluster === cluster
  return auth.trustedCas('host').some(ca => ca.cluster === found.cluster)
}

/**
 * Who a verified certificate is for. System roles count only from a host authority: a user's role of that name opens nothing.
 * @returns undefined for a certificate that may not be used here: restricted to one use, of no Teleport identity, or of another
 *   cluster's authority than its own
 */
function callerOf(certificate: Uint8Array, auth: OpenAuth): RpcCaller | undefined {
  try {
    const { identity, notAfter, issuer } = decodeIdentity(certificate)
    const { teleportCluster: cluster } = identity
    if (identity.usage.length > 0 || cluster !== issuer) return undefined
    const leaf = new X509Certificate(certificate)
    const signedBy = (type: 'host' | 'user'): boolean =>
      auth.trustedCas(type).some(ca => ca.cluster === cluster && ca.tls.some(pem => leaf.verify(new X509Certificate(pem).publicKey)))
    const role = identity.roles.find(name => SYSTEM_ROLES.has(name))
    const isHere = cluster === auth.clusterName
    if (signedBy('host')) {
      if (role === undefined) return undefined
      // Of another cluster only a root's proxies come, and they may do little. Nobody comes up from a leaf.
      if (!isHere && (role !== 'Proxy' || !auth.trust.roots().some(root => root.name === cluster))) return undefined
      return { kind: 'service', role: isHere ? role : 'RemoteProxy', name: identity.username, cluster }
    }
    if (role !== undefined || !signedBy('user')) return undefined
    const username = isHere ? identity.username : remoteUser(identity.username, cluster)
    return { kind: 'user', caller: { identity: { ...identity, username }, notAfter }, cluster }
  } catch {
    return undefined
  }
}
