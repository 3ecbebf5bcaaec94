import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, createSecureContext } from 'node:tls'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { ALPN } from '../../../shared/protocols.ts'

const DEADLINE_MS = 15_000

/**
 * TLS to the reverse tunnel behind a router's one port: no client certificate, the web certificate is verified. [captured: fixtures tunnel]
 * @throws PorticoError proxy/unreachable, proxy/untrusted, app/cancelled
 */
export function openRouterDialler(roots: readonly string[]): (address: Address, signal: AbortSignal) => Promise<Duplex> {
  // Reading the roots takes a while: once is enough.
  const context = createSecureContext({ ca: [...roots] })
  return (address, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new PorticoError('app/cancelled'))
      const proxy = formatAddress(address)
      const socket = connect({
        host: address.host,
        port: address.port,
        servername: isIP(address.host) === 0 ? address.host : '',
        ALPNProtocols: [ALPN.reverseTunnel],
        secureContext: context,
      })
      let cause: NodeJS.ErrnoException | undefined
      const fail = (): void => {
        settle()
        socket.destroy()
        if (signal.aborted) return reject(new PorticoError('app/cancelled', {}, cause))
        const untrusted = /^(CERT_|DEPTH_ZERO|UNABLE_TO_|SELF_SIGNED|ERR_TLS_CERT)/.test(cause?.code ?? '')
        reject(
          new PorticoError(
            untrusted ? 'proxy/untrusted' : 'proxy/unreachable',
            { proxy, why: cause?.code ?? 'it closed the connection' },
            cause,
          ),
        )
      }
      const late = setTimeout(fail, DEADLINE_MS)
      const settle = (): void => {
        clearTimeout(late)
        signal.removeEventListener('abort', fail)
        socket.off('close', fail)
      }
      signal.addEventListener('abort', fail)
      // Stays for good.
      socket.on('error', error => (cause ??= error))
      socket.once('close', fail)
      socket.once('secureConnect', () => {
        if (socket.alpnProtocol !== ALPN.reverseTunnel) return fail()
        settle()
        socket.setNoDelay(true)
        socket.setKeepAlive(true, 60_000)
        resolve(socket)
      })
    })
}
