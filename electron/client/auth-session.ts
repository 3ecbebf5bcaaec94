import { X509Certificate } from 'node:crypto'
import * as http2 from 'node:http2'
import * as tls from 'node:tls'
import { formatAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import { ALPN, authAlpn } from '../../shared/protocols.ts'
import { encodeClusterSni } from '../wire/cluster-name.ts'
import { splitPem } from '../wire/pem.ts'
import type { HostCa, LoginFiles } from './client.ts'
import { connectionError } from './client-errors.ts'
import { dialTls } from './dial-tls.ts'

/** One HTTP/2 connection to the auth service of a cluster, through the proxy's port. wire/auth-grpc.md 1 */

const DIAL_MS = 30_000
/** Servers close with too_many_pings below 60 s. */
const KEEPALIVE_MS = 90_000
const PONG_MS = 20_000

export interface AuthTarget {
  readonly proxy: Address
  /** The cluster that issued the login's certificate. */
  readonly rootCluster: string
  /** The cluster to reach: the root or a leaf. */
  readonly cluster: string
  readonly login: Pick<LoginFiles, 'tlsKey' | 'tlsCert'>
  readonly hostCas: readonly HostCa[]
  readonly now?: (() => number) | undefined
}

export interface AuthSession {
  readonly http2: http2.ClientHttp2Session
  readonly usable: boolean
  /** Why it ended, as far as is known. */
  failure(thrown?: unknown): PorticoError
  close(): void
}

/**
 * Connects with the login's certificate. Only host CAs of the target cluster are trusted, never the system's roots.
 * @throws PorticoError `login/expired`, `proxy/*`, `app/cancelled`
 */
export async function openAuthSession(target: AuthTarget, signal?: AbortSignal): Promise<AuthSession> {
  const { proxy, now = Date.now } = target
  const sni = encodeClusterSni(target.rootCluster)
  const context = tls.createSecureContext({ ca: trustedBy(target), key: target.login.tlsKey, cert: firstCertificate(target.login.tlsCert) })
  // The first name says where to; the proxy reads no other. The second is what the auth service itself agrees to.
  const socket = await dialTls({
    address: proxy,
    servername: sni,
    alpn: [authAlpn(encodeClusterSni(target.cluster)), ALPN.h2],
    context,
    deadlineMs: DIAL_MS,
    signal,
  }).catch((error: unknown) => {
    throw silentEnd(error, target, now())
  })
  if (!socket.authorized || socket.alpnProtocol !== ALPN.h2) {
    socket.destroy()
    throw notTheAuthService(target, socket)
  }
  return startSession(target, sni, socket)
}

function startSession(target: AuthTarget, sni: string, socket: tls.TLSSocket): AuthSession {
  const { proxy, now = Date.now } = target
  let cause: unknown
  let heard = false
  socket.on('error', error => {
    cause ??= error
  })
  const session = http2.connect(`https://${sni}`, { createConnection: () => socket, settings: { enablePush: false } })
  session.on('error', error => {
    cause ??= error
  })
  session.on('remoteSettings', () => {
    heard = true
  })
  session.on('goaway', code => {
    if (code !== http2.constants.NGHTTP2_NO_ERROR)
      cause ??= new PorticoError('proxy/refused', { proxy: formatAddress(proxy), why: `it ended the session (code ${code})` })
  })
  let pong: NodeJS.Timeout | undefined
  const keepalive = setInterval(() => {
    if (session.destroyed || pong !== undefined) return
    pong = setTimeout(() => session.destroy(new PorticoError('proxy/timeout', { proxy: formatAddress(proxy) })), PONG_MS)
    session.ping(() => {
      clearTimeout(pong)
      pong = undefined
    })
  }, KEEPALIVE_MS)
  keepalive.unref()
  session.on('close', () => {
    clearInterval(keepalive)
    clearTimeout(pong)
  })
  return {
    http2: session,
    get usable() {
      return !session.closed && !session.destroyed
    },
    failure(thrown) {
      // In TLS 1.3 a refused certificate shows only now: as an alert, or as an end without a byte.
      const error = cause ?? thrown
      const known = connectionError(error, proxy)
      return heard || known.code !== 'proxy/refused' ? known : silentEnd(known, target, now())
    },
    close: () => session.destroy(),
  }
}

/** An end without a word: with a certificate that is over it is clear why. */
function silentEnd(error: unknown, { login, proxy }: AuthTarget, now: number): PorticoError {
  const known = connectionError(error, proxy)
  if (known.code !== 'proxy/refused') return known
  const { validTo } = new X509Certificate(firstCertificate(login.tlsCert))
  return Date.parse(validTo) <= now ? new PorticoError('login/expired', { proxy: formatAddress(proxy) }, error) : known
}

/** A server refuses a chain of more than one client certificate. */
function firstCertificate(pem: string): string {
  return splitPem(pem, 'CERTIFICATE')[0] ?? pem
}

/** Host CA certificates whose CN is the target's name. Teleport: lib/auth/middleware.go, lib/client/client.go */
function trustedBy({ hostCas, cluster }: AuthTarget): string[] {
  return hostCas
    .filter(ca => ca.cluster === cluster)
    .flatMap(ca => ca.tls)
    .filter(pem => commonName(pem) === cluster)
}

function commonName(pem: string): string | undefined {
  try {
    return /^CN=(.*)$/m.exec(new X509Certificate(pem).subject)?.[1]
  } catch {
    return undefined
  }
}

function notTheAuthService({ proxy, cluster }: AuthTarget, socket: tls.TLSSocket): PorticoError {
  const facts = { proxy: formatAddress(proxy), cluster }
  if (!socket.authorized) {
    const why = `its auth service is not vouched for by the authority of ${cluster} that was there at sign-in; sign in again`
    return new PorticoError('proxy/untrusted', { ...facts, why, reason: String(socket.authorizationError) })
  }
  return new PorticoError('proxy/refused', { ...facts, why: 'the auth service does not answer on this port' })
}
