import { connect, createSecureContext, type ConnectionOptions } from 'node:tls'

export const TLS: ConnectionOptions = {
  host: '127.0.0.1',
  servername: 'proxy.test',
  // Verifying is the client's work: none of it is measured.
  rejectUnauthorized: false,
  ALPNProtocols: ['http/1.1'],
  secureContext: createSecureContext({}),
}

export interface Shaken {
  /** ms from the first SYN to the client's Finished */
  readonly ms: number
  /** What a next handshake may resume. */
  readonly session: Buffer | undefined
}

/**
 * One TLS handshake, closed in good order.
 * @param wantsSession waits for the server's ticket
 */
export function handshake(port: number, session?: Buffer, wantsSession = false): Promise<Shaken> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    let ms = 0
    let ticket: Buffer | undefined
    const socket = connect({ ...TLS, port, ...(session === undefined ? {} : { session }) })
    socket.once('secureConnect', () => {
      ms = performance.now() - started
      if (socket.isSessionReused() !== (session !== undefined))
        return socket.destroy(new Error('resumed when it should not, or not resumed'))
      if (!wantsSession) socket.end()
    })
    socket.on('session', given => {
      ticket ??= given
      if (wantsSession) socket.end()
    })
    socket.on('error', reject)
    socket.once('close', () => (ms === 0 ? reject(new Error('no handshake')) : resolve({ ms, session: ticket })))
    socket.resume()
  })
}
