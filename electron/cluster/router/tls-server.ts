import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { PorticoError } from '../../../shared/errors.ts'
import { decodeIdentity, type Identity } from '../../wire/identity.ts'
import { refuseClientCertificate } from './client-certificate.ts'
import { closeGently } from './close-gently.ts'
import { Remembered } from './remembered.ts'
import { contextFor, type TlsConfiguration } from './tls-context.ts'

export interface ServedTls {
  readonly stream: TLSSocket
  /** undefined = none */
  readonly negotiated: string | undefined
  readonly sni: string | undefined
  /** undefined without a certificate, and for one that verifies but does not say who it is for. */
  readonly identity: Identity | undefined
  /** DER of the verified client certificate. */
  readonly peerCertificate: Uint8Array | undefined
}

/**
 * Ends TLS on a stream, as the server. A TCP socket is taken over natively; any other Duplex works too (TLS inside TLS).
 * When it rejects, the stream is being closed, with the TLS library's alert where it sends one, else with FIN: leave it alone.
 * @param options.deadlineMs for the whole handshake
 * @throws PorticoError `access/denied` (client certificate; facts.why), `wire/malformed` (TLS failed), `wire/cut-short` (ended early
 *   or over the deadline), `cluster/config` (the key pair or a CA cannot be used)
 */
export async function serveTls(
  stream: Duplex,
  options: TlsConfiguration & { readonly deadlineMs: number; readonly now?: () => number },
): Promise<ServedTls> {
  stream.on('error', () => stream.destroy())
  const { context, cas, alpnList } = contextOrClose(stream, options)
  const secure = new TLSSocket(stream, {
    isServer: true,
    secureContext: context,
    requestCert: options.clientCertificate !== 'none',
    // Only makes the library refuse a missing certificate itself, with an alert: given ones are judged below.
    rejectUnauthorized: options.clientCertificate === 'required',
    ...(alpnList === undefined ? {} : { ALPNProtocols: alpnList }),
  })
  // One handshake says who it is, for good. (TLS 1.3 has no second one; Go never serves one.)
  secure.disableRenegotiation()
  await handshaken(secure, options.deadlineMs)
  const certificate = options.clientCertificate === 'none' ? undefined : secure.getPeerX509Certificate()
  const missing = options.clientCertificate === 'required' ? 'missing' : undefined
  const why = certificate === undefined ? missing : refuseClientCertificate(certificate, cas, (options.now ?? Date.now)())
  if (why !== undefined) {
    void closeGently(secure)
    throw new PorticoError('access/denied', { why: `client certificate: ${why}` })
  }
  const der = certificate?.raw
  return {
    stream: secure,
    negotiated: typeof secure.alpnProtocol === 'string' && secure.alpnProtocol !== '' ? secure.alpnProtocol : undefined,
    sni: serverName(secure),
    identity: der && identityOf(der),
    peerCertificate: der,
  }
}

function contextOrClose(stream: Duplex, options: TlsConfiguration): ReturnType<typeof contextFor> {
  try {
    return contextFor(options)
  } catch (thrown) {
    stream.destroy()
    throw thrown
  }
}

function handshaken(secure: TLSSocket, deadlineMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause: NodeJS.ErrnoException | undefined
    const deadline = setTimeout(() => fail('no handshake in time'), deadlineMs)
    const fail = (why: string): void => {
      settle()
      secure.destroy()
      reject(new PorticoError(cause === undefined ? 'wire/cut-short' : 'wire/malformed', { why }, cause))
    }
    const closed = (): void => fail(cause?.code ?? cause?.message ?? 'closed in the handshake')
    const done = (): void => {
      settle()
      resolve()
    }
    const settle = (): void => {
      clearTimeout(deadline)
      secure.off('end', closed).off('close', closed).off('secure', done)
    }
    // Both stay for good: whoever gets the stream may attach its own listener later. Without a tls.Server around it, Node tells TLS errors
    // after the handshake (a damaged record, renegotiation) only by this event, and leaves the connection open.
    secure.on('error', error => (cause ??= error))
    secure.on('_tlsError', (error: Error) => secure.destroy(error))
    secure.once('end', closed).once('close', closed).once('secure', done)
  })
}

/** Node's types leave out what a server-side socket says about SNI. */
function serverName(secure: TLSSocket & { readonly servername?: string | false | null }): string | undefined {
  return typeof secure.servername === 'string' ? secure.servername : undefined
}

const identities = new Remembered<Identity>()

function identityOf(der: Buffer): Identity | undefined {
  return identities.get(der, () => {
    try {
      return decodeIdentity(der).identity
    } catch {
      return undefined // verified, but no certificate of a user or service: counts as none
    }
  })
}
