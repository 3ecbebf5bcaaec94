import { createServer, type AddressInfo } from 'node:net'
import { createSecureContext, TLSSocket, type TlsOptions } from 'node:tls'
import { PING_SUFFIX } from '../../shared/protocols.ts'
import { PingFrameReader, pingFrameHeader } from '../../electron/wire/ping-frames.ts'

/** One connection that reached the counterpart, TLS ended, ping frames taken off. */
export interface MetConnection {
  readonly stream: TLSSocket
  readonly framed: boolean
  /** Subject of the client's certificate; undefined = none was shown. */
  readonly clientCn: string | undefined
  readonly sni: string | false | undefined
  readonly resumed: boolean
  onPayload(read: (part: Buffer) => void): void
  write(payload: Buffer): void
}

export interface CounterpartOptions {
  readonly server: { readonly key: string; readonly cert: string }
  readonly clientRoots?: readonly string[]
  readonly alpn: readonly string[]
  /** Hang up on a client certificate that does not verify, without an alert, as Node servers do. */
  readonly strict?: boolean
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
  readonly port?: number
  readonly serve: (connection: MetConnection) => void
}

export interface Counterpart {
  readonly port: number
  readonly met: MetConnection[]
  /** Cuts every connection as a killed process would. */
  kill(): Promise<void>
  close(): Promise<void>
}

/** What stands in for a proxy: a real TLS server with ALPN, client certificates and ping framing. */
export async function openCounterpart(options: CounterpartOptions): Promise<Counterpart> {
  const { server, clientRoots = [], alpn, strict = false, serve } = options
  const met: MetConnection[] = []
  const sockets = new Set<TLSSocket>()
  const secureContext = createSecureContext({
    ...server,
    ca: [...clientRoots],
    ...(options.maxVersion ? { maxVersion: options.maxVersion } : {}),
    sessionIdContext: 'counterpart',
  })
  const tlsOptions: TlsOptions = { ALPNProtocols: [...alpn], requestCert: clientRoots.length > 0, rejectUnauthorized: false }
  // Its own TLSSocket over an accepted socket, as the router does; half-open like a database connection.
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    socket.on('error', () => {})
    const stream = new TLSSocket(socket, { isServer: true, secureContext, ...tlsOptions, allowHalfOpen: true } as ConstructorParameters<
      typeof TLSSocket
    >[1])
    sockets.add(stream)
    stream.on('error', () => stream.destroy())
    stream.once('close', () => {
      sockets.delete(stream)
      socket.destroy()
    })
    stream.once('secure', () => {
      const peer = stream.getPeerCertificate()
      // @ts-expect-error verifyError is how Node's own server asks; it has no public name.
      const wrong: unknown = clientRoots.length > 0 && Object.keys(peer).length > 0 ? stream.ssl.verifyError() : null
      if (strict && wrong) return void stream.destroy()
      const framed = typeof stream.alpnProtocol === 'string' && stream.alpnProtocol.endsWith(PING_SUFFIX)
      const reader = framed ? new PingFrameReader() : undefined
      const connection: MetConnection = {
        stream,
        framed,
        clientCn: peer.subject?.CN as string | undefined,
        sni: (stream as { servername?: string | false }).servername,
        resumed: stream.isSessionReused(),
        onPayload: read => void stream.on('data', (chunk: Buffer) => (reader === undefined ? read(chunk) : reader.push(chunk, read))),
        write: payload => {
          stream.cork()
          if (framed) stream.write(pingFrameHeader(payload.length))
          stream.write(payload)
          stream.uncork()
        },
      }
      met.push(connection)
      serve(connection)
    })
  })
  await new Promise<void>((resolve, reject) => listener.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve))
  const kill = async (): Promise<void> => {
    const closed = new Promise<void>(resolve => listener.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return { port: (listener.address() as AddressInfo).port, met, kill, close: () => (listener.listening ? kill() : Promise.resolve()) }
}

/** Sends back what comes, then the end. */
export function echo(connection: MetConnection): void {
  connection.onPayload(part => connection.write(Buffer.from(part)))
  connection.stream.once('end', () => connection.stream.end())
}
