import { X509Certificate } from 'node:crypto'
import { performServerHandshake, type ServerHttp2Session } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import { ALPN } from '../../../shared/protocols.ts'
import type { Log } from '../../log/log.ts'
import { decodeClusterSni } from '../../wire/cluster-name.ts'
import { decodeIdentity } from '../../wire/identity.ts'
import { serveTls } from '../router/tls-server.ts'
import type { Handshake } from '../router/route.ts'
import type { KeyPair } from './auth.ts'
import type { RpcCaller } from './grpc-calls.ts'
import { serveCall } from './grpc-stream.ts'
import type { OpenAuth } from './open-auth.ts'
import { SYSTEM_ROLES } from './roles.ts'

export interface AuthGrpcOptions {
  readonly auth: OpenAuth
  /** The auth server's own host certificate. */
  readonly hostKeyPair: () => KeyPair
  /** PEM: the user and the host authorities of this cluster. */
  readonly clientCas: () => readonly string[]
  readonly log: Log
  /** `host:port` that Ping tells. */
  readonly publicAddress?: string
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

/** The auth API: gRPC over HTTP/2 over mutual TLS. wire/auth-grpc.md 1 */
export function openAuthGrpc({ auth, hostKeyPair, clientCas, log, publicAddress = '', now = Date.now }: AuthGrpcOptions): AuthGrpc {
  const sessions = new Set<ServerHttp2Session>()
  let closing = false

  return {
    async serve(stream, { client }) {
      stream.on('error', () => stream.destroy())
      if (closing) return void stream.destroy()
      try {
        const tls = await serveTls(stream, {
          keyPair: hostKeyPair(),
          clientCas: clientCas(),
          clientCertificate: 'optional',
          alpn: [ALPN.h2],
          deadlineMs: HANDSHAKE_MS,
          now,
        })
        tls.stream.on('error', () => tls.stream.destroy())
        const caller = tls.peerCertificate === undefined ? NOP : callerOf(tls.peerCertificate, auth)
        const refused = closing || caller === undefined || !isOurs(tls.sni, auth.clusterName)
        if (refused) {
          log.debug('auth.connection-refused', { client: client.host })
          return void tls.stream.end(() => tls.stream.destroy())
        }
        // Only tls.Server clears this flag, and node:http2 waits for ever on a socket that has it.
        Object.assign(tls.stream, { secureConnecting: false })
        serveSession(tls.stream, caller, client)
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
    const context = { auth, caller, client, publicAddress }
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

/** The name in SNI only narrows which clients are taken: none, or this cluster's. Other clusters' clients are strangers here. */
function isOurs(sni: string | undefined, clusterName: string): boolean {
  const found = sni === undefined ? { state: 'none' as const } : decodeClusterSni(sni)
  return found.state === 'none' || (found.state === 'cluster' && found.cluster === clusterName)
}

/**
 * Who a verified certificate is for. System roles count only from the host authority: a user's role of that name opens nothing.
 * @returns undefined for a certificate that may not be used here: restricted to one use, or of no Teleport identity
 */
function callerOf(certificate: Uint8Array, auth: OpenAuth): RpcCaller | undefined {
  try {
    const { identity, notAfter } = decodeIdentity(certificate)
    if (identity.usage.length > 0 || identity.teleportCluster !== auth.clusterName) return undefined
    const leaf = new X509Certificate(certificate)
    const isHost = auth.ca('host').tls.some(ca => leaf.verify(new X509Certificate(ca).publicKey))
    const role = identity.roles.find(name => SYSTEM_ROLES.has(name))
    if (isHost) return role === undefined ? undefined : { kind: 'service', role, name: identity.username }
    return role === undefined ? { kind: 'user', caller: { identity, notAfter } } : undefined
  } catch {
    return undefined
  }
}
