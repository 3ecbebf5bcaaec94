import { isIP, type OnReadOpts } from 'node:net'
import { checkServerIdentity, connect, createSecureContext, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls'
import { formatAddress } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import { PING_SUFFIX, databaseAlpn } from '../../shared/protocols.ts'
import { decodeIdentity } from '../wire/identity.ts'
import { fromDialError } from './dial-errors.ts'
import type { Credentials, TunnelPlan, Upstream } from './engine.ts'
import type { UpstreamStream } from './splice.ts'

/** TCP and TLS together must be done in this time. */
const DIAL_MS = 10_000
/** An idle connection is probed after this, ms. */
const KEEP_ALIVE_MS = 15_000
/** TLS 1.3 servers send a few tickets a connection; more than these are of no use. */
const TICKETS = 8

/**
 * What one certificate (or none) needs to dial: the parsed key, which is expensive, the names to offer, and the tickets
 * that the proxy gave. Tickets live and die with it: a resumed session shows the proxy the certificate of its first
 * handshake, so they must never outlive a renewal.
 */
export interface DialContext {
  readonly alpn: readonly string[]
  readonly secure: SecureContext
  readonly tickets: Buffer[]
  /** undefined = no client certificate in the outer TLS (passthrough) */
  readonly credentials: Credentials | undefined
}

function protocolNames(dbProtocol: string, serverVersion = ''): readonly string[] {
  const alpn = databaseAlpn(dbProtocol, Buffer.from(serverVersion).toString('base64'))
  if (alpn === undefined) throw new PorticoError('resource/unsupported', { protocol: dbProtocol })
  return alpn
}

/**
 * For an authenticated tunnel: the certificate itself says which protocol its database speaks.
 * @throws PorticoError `wire/malformed` for a certificate without a route, `resource/unsupported`
 */
export function authenticatedContext(upstream: Upstream, credentials: Credentials): DialContext {
  const route = decodeIdentity(credentials.cert).identity.routeToDatabase
  if (route === undefined) throw new PorticoError('wire/malformed', { why: 'the certificate names no database' })
  const secure = createSecureContext({ ca: [...upstream.roots], key: credentials.key, cert: credentials.cert, minVersion: 'TLSv1.2' })
  return { alpn: protocolNames(route.Protocol), secure, tickets: [], credentials }
}

/** Reading some hundred roots takes 10 ms and 1 MB: what has no key of its own is the same for all tunnels of a list. */
const withoutKey = new WeakMap<readonly string[], SecureContext>()

/** For a passthrough tunnel: the local program brings its certificate in an inner TLS. */
export function passthroughContext({ upstream: { roots }, dbProtocol, serverVersion }: TunnelPlan): DialContext {
  const secure = withoutKey.get(roots) ?? createSecureContext({ ca: [...roots], minVersion: 'TLSv1.2' })
  withoutKey.set(roots, secure)
  return { alpn: protocolNames(dbProtocol, serverVersion), secure, tickets: [], credentials: undefined }
}

export interface DialledUpstream extends UpstreamStream {
  readonly stream: TLSSocket
}

/** Where every TLS stream of this thread puts what it decrypted, one record at most, until its reader returns. RFC 8446 §5.1 */
const RECORD = Buffer.allocUnsafeSlow(16 * 1024)

/**
 * Opens the stream to the proxy. In TLS 1.3 the proxy judges our certificate only afterwards: a refusal comes as the
 * first thing read.
 * @throws PorticoError of the `proxy/…` family, `app/cancelled`
 */
export function dial(upstream: Upstream, context: DialContext, signal: AbortSignal): Promise<DialledUpstream> {
  const facts = { proxy: formatAddress(upstream.proxy) }
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new PorticoError('app/cancelled'))
    // One ticket is always kept: servers accept it again, and the next connection may come before new ones do.
    const session = context.tickets.length > 1 ? context.tickets.shift() : context.tickets[0]
    const early: Buffer[] = []
    let reader = (part: Buffer): void => void early.push(Buffer.from(part))
    const options: ConnectionOptions & { allowHalfOpen: true; onread: OnReadOpts } = {
      host: upstream.proxy.host,
      port: upstream.proxy.port,
      secureContext: context.secure,
      ALPNProtocols: [...context.alpn],
      rejectUnauthorized: upstream.certificate === null,
      // RFC 6066 §3: no SNI for addresses. The name is always checked against what the profile says, never against the host dialled.
      ...(isIP(upstream.servername) === 0 ? { servername: upstream.servername } : {}),
      checkServerIdentity: (_host, certificate) => checkServerIdentity(upstream.servername, certificate),
      allowHalfOpen: true,
      onread: {
        buffer: RECORD,
        callback: length => {
          reader(length === RECORD.length ? RECORD : RECORD.subarray(0, length))
          return true
        },
      },
    }
    const stream: TLSSocket & { setSession?(session: Buffer): void } = connect(options)
    // As the option `session`, which Node decodes twice (0.25 ms each time). TLS begins only when TCP is there.
    if (session !== undefined) stream.setSession?.(session)
    // Node races IPv6 and IPv4 by itself (RFC 8305); tls.connect has no option for this one.
    // A proxy that went away while the machine slept is noticed, not waited for.
    stream.once('connect', () => stream.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS))
    const settled = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      stream.off('end', ended).off('error', fail)
    }
    const fail = (thrown: unknown): void => {
      settled()
      stream.destroy()
      // An untrusted session would be tried again and again: start the next one afresh.
      context.tickets.length = 0
      reject(fromDialError(thrown, facts))
    }
    const abort = (): void => fail(new PorticoError('app/cancelled'))
    const ended = (): void => fail(new PorticoError('proxy/refused', facts))
    const timer = setTimeout(() => fail(new PorticoError('proxy/timeout', facts)), DIAL_MS)
    signal.addEventListener('abort', abort, { once: true })
    // Stays for the life of the stream, so that an error between two owners ends nothing else.
    stream.on('error', () => {})
    stream.on('error', fail)
    stream.on('end', ended)
    stream.on('session', ticket => {
      if (context.tickets.push(ticket) > TICKETS) context.tickets.shift()
    })
    stream.once('secureConnect', () => {
      const { alpnProtocol } = stream
      // A resumed session goes on from one that was looked at; Node does not show its certificate again.
      if (
        upstream.certificate !== null &&
        !stream.isSessionReused() &&
        stream.getPeerX509Certificate()?.fingerprint256 !== upstream.certificate
      )
        return fail(new PorticoError('proxy/untrusted', { ...facts, why: 'its certificate changed since you signed in' }))
      // A load balancer that ends TLS itself negotiates nothing. Teleport always picks one of ours.
      if (typeof alpnProtocol !== 'string')
        return fail(new PorticoError('proxy/not-teleport', { ...facts, why: 'it did not agree on a database protocol' }))
      settled()
      const onRead = (next: (part: Buffer) => void): void => {
        reader = next
        for (const part of early.splice(0)) reader(part)
      }
      resolve({ stream, framed: alpnProtocol.endsWith(PING_SUFFIX), onRead })
    })
  })
}
