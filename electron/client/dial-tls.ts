import { isIP } from 'node:net'
import * as tls from 'node:tls'
import { formatAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import { connectionError } from './client-errors.ts'

export interface TlsDial {
  readonly address: Address
  /** SNI and the name that is verified; default the address's host. An IP address sends no SNI. */
  readonly servername?: string
  readonly alpn: readonly string[]
  /** Roots, and the client certificate where there is one. */
  readonly context: tls.SecureContext
  /** For the TCP connection and the handshake together. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Dials and shakes hands. Whether the certificate is trusted is for the caller to see in `socket.authorized`, before it writes anything:
 * only an open connection can tell which certificate it was.
 * @throws PorticoError `proxy/unreachable`, `proxy/timeout`, `proxy/refused`, `proxy/not-teleport`, `login/expired` (by alert), `app/cancelled`
 */
export function dialTls(dial: TlsDial): Promise<tls.TLSSocket> {
  const { address, signal } = dial
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(new PorticoError('app/cancelled', {}, signal.reason))
    const servername = dial.servername ?? (isIP(address.host) === 0 ? address.host : '')
    const socket = tls.connect({
      host: address.host,
      port: address.port,
      servername,
      ALPNProtocols: [...dial.alpn],
      secureContext: dial.context,
      rejectUnauthorized: false,
    })
    let stage: 'connect' | 'handshake' = 'connect'
    const proxy = formatAddress(address)
    const fail = (error: unknown): void => {
      done()
      socket.on('error', () => {}) // whatever follows the first failure
      socket.destroy()
      reject(connectionError(error, address))
    }
    const late = (): void =>
      fail(
        stage === 'connect'
          ? new PorticoError('proxy/unreachable', { proxy, why: `no connection within ${dial.deadlineMs / 1000} seconds` })
          : new PorticoError('proxy/timeout', { proxy }),
      )
    const cancel = (): void => fail(new PorticoError('app/cancelled', {}, signal?.reason))
    const closed = (): void => fail(new PorticoError('proxy/refused', { proxy, why: 'it closed the connection' }))
    const timer = setTimeout(late, dial.deadlineMs)
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
      socket.off('error', fail).off('close', closed)
    }
    signal?.addEventListener('abort', cancel)
    socket.on('error', fail).on('close', closed)
    socket.once('connect', () => {
      stage = 'handshake'
    })
    socket.once('secureConnect', () => {
      done()
      // The caller attaches its own at once; until then an error must not end the process.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

/** `--insecure` alone is for addresses that only this computer can answer. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
