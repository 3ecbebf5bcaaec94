import { connect, createSecureContext } from 'node:tls'
import { ALPN, PING_SUFFIX } from '../../shared/protocols.ts'
import type { Credentials } from '../../electron/engine/engine.ts'
import { pingFrameHeader } from '../../electron/wire/ping-frames.ts'
import { encodeWish, type Wish } from './wish.ts'

export interface BareProxy {
  readonly port: number
  readonly webRoot: string
  readonly database: Credentials
}

/** A program that speaks to the proxy by itself, with nothing but Node's TLS: what a tunnel is held against. */
export function openBare({ webRoot, database }: BareProxy): {
  /** @returns bytes read until the proxy ended */
  readAll(port: number, wish: Wish): Promise<number>
  /** One new connection on the session of the last one. @returns ms until its handshake was done, and until its first byte */
  connectAgain(port: number, wish: Wish): Promise<{ handshake: number; firstByte: number; resumed: boolean }>
} {
  const secureContext = createSecureContext({ ca: [webRoot], key: database.key, cert: database.cert })
  const options = { host: '127.0.0.1', servername: 'proxy.test', secureContext, ALPNProtocols: [ALPN.postgres + PING_SUFFIX] }
  let session: Buffer | undefined
  const framed = (wish: Wish): Buffer => {
    const packet = encodeWish(wish)
    return Buffer.concat([pingFrameHeader(packet.length), packet])
  }
  return {
    readAll: (port, wish) =>
      new Promise((resolve, reject) => {
        let bytes = 0
        const stream = connect({ ...options, port }, () => stream.write(framed(wish)))
        stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
        stream.on('end', () => resolve(bytes)).on('error', reject)
      }),
    connectAgain: (port, wish) =>
      new Promise((resolve, reject) => {
        const started = performance.now()
        let handshake = 0
        const stream: ReturnType<typeof connect> & { setSession?(session: Buffer): void } = connect({ ...options, port })
        // As the option `session`, which Node decodes twice: the comparison would be too easy.
        if (session !== undefined) stream.setSession?.(session)
        stream.once('connect', () => stream.setNoDelay(true))
        stream.on('session', ticket => (session = ticket))
        stream.once('secureConnect', () => {
          handshake = performance.now() - started
          stream.write(framed(wish))
        })
        stream.once('data', () => {
          const firstByte = performance.now() - started
          const resumed = stream.isSessionReused()
          stream.once('close', () => resolve({ handshake, firstByte, resumed }))
          stream.end()
          stream.resume()
        })
        stream.on('error', reject)
      }),
  }
}
