import { connect, createServer, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import { NO_LOG, type Log } from '../../../electron/log/log.ts'
import type { HandlerName, Handler, Handshake } from '../../../electron/cluster/router/route.ts'
import { openRouter, type Router } from '../../../electron/cluster/router/router.ts'
import type { RouterOptions } from '../../../electron/cluster/router/router-options.ts'
import { readClientHello } from '../../../electron/wire/client-hello.ts'
import { newCa, serverPair, type TestCa } from './certificates.ts'

export interface Handed {
  readonly handler: HandlerName
  readonly stream: Duplex
  readonly handshake: Handshake
}

export interface UnderTest {
  readonly router: Router
  readonly port: number
  readonly handed: Handed[]
  readonly lines: Record<string, unknown>[]
  readonly webCa: TestCa
  readonly userCa: TestCa
  close(): Promise<void>
}

const HANDLERS: readonly HandlerName[] = [
  'web',
  'auth',
  'postgres',
  'mysql',
  'database',
  'reverse-tunnel',
  'ssh',
  'ssh-grpc',
  'join',
  'kube-grpc',
  'kube',
  'tcp',
]

/** A router whose handlers say who they are and then echo, but for those given. */
export async function openUnderTest(options: Partial<RouterOptions> = {}, handlers: RouterOptions['handlers'] = {}): Promise<UnderTest> {
  const [webCa, hostCa, userCa] = await Promise.all([newCa('web'), newCa('root.example'), newCa('root.example')])
  const [web, host] = await Promise.all([serverPair(webCa, 'web'), serverPair(hostCa, 'proxy-host')])
  const handed: Handed[] = []
  const lines: Record<string, unknown>[] = []
  const log: Log = { ...NO_LOG, debug: (event, facts) => void lines.push({ event, ...facts }) }
  const echo =
    (handler: HandlerName): Handler =>
    (stream, handshake) => {
      handed.push({ handler, stream, handshake })
      stream.on('error', () => stream.destroy())
      stream.write(`${handler}\n`)
      stream.pipe(stream)
    }
  const router = await openRouter({
    listen: { host: '127.0.0.1', port: 0 },
    clusterName: 'root.example',
    webKeyPair: () => web,
    hostKeyPair: () => host,
    clientCas: () => [hostCa.cert, userCa.cert],
    handlers: { ...Object.fromEntries(HANDLERS.map(name => [name, echo(name)])), ...handlers },
    log,
    ...options,
  })
  return { router, port: router.address.port, handed, lines, webCa, userCa, close: () => router.close(0) }
}

export interface Seen {
  readonly handshake: boolean
  readonly negotiated: string | false
  /** Everything the server said until it closed or `until` was satisfied. */
  readonly bytes: Buffer
  readonly error: NodeJS.ErrnoException | undefined
  readonly ended: boolean
}

/** Connects, says `say`, and reads until the server closes or `until` says that it has come. */
export function ask(
  port: number,
  options: ConnectionOptions,
  until: (bytes: Buffer) => boolean = bytes => bytes.includes('\n'),
  say?: Buffer,
): Promise<Seen> {
  return new Promise(resolve => {
    let [handshake, bytes, ended] = [false, Buffer.alloc(0), false]
    let negotiated: string | false = false
    let error: NodeJS.ErrnoException | undefined
    const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false, ...options })
    const done = (): void => {
      resolve({ handshake, negotiated, bytes, error, ended })
      socket.destroy()
    }
    socket.once('secureConnect', () => {
      handshake = true
      negotiated = socket.alpnProtocol ?? false
      if (say !== undefined) socket.write(say)
    })
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      if (until(bytes)) done()
    })
    socket.on('end', () => (ended = true))
    socket.on('error', thrown => (error = thrown))
    socket.once('close', done)
  })
}

export function openClient(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false, ...options })
    socket.once('secureConnect', () => resolve(socket)).once('error', reject)
  })
}

export interface RawEnd {
  readonly how: 'FIN' | 'RST' | 'open'
  readonly ms: number
  readonly bytes: Buffer
}

/** Sends the parts raw, `gapMs` apart, and says how and when the server ended the connection. */
export function rawAsk(
  port: number,
  parts: readonly (string | Buffer)[],
  { gapMs = 0, fin = false, waitMs = 1_500 } = {},
): Promise<RawEnd> {
  return new Promise(resolve => {
    const started = performance.now()
    let bytes = Buffer.alloc(0)
    const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }, () => void send())
    const done = (how: RawEnd['how']): void => {
      clearTimeout(limit)
      resolve({ how, ms: performance.now() - started, bytes })
      socket.destroy()
    }
    const limit = setTimeout(() => done('open'), waitMs)
    const send = async (): Promise<void> => {
      for (const [index, part] of parts.entries()) {
        if (index > 0 && gapMs > 0) await new Promise(next => setTimeout(next, gapMs))
        if (!socket.destroyed) socket.write(typeof part === 'string' ? Buffer.from(part, 'hex') : part)
      }
      if (fin) socket.end()
    }
    socket.on('data', chunk => (bytes = Buffer.concat([bytes, chunk])))
    socket.on('end', () => done('FIN'))
    socket.on('error', () => done('RST'))
  })
}

export const eventually = async (holds: () => boolean, ms = 2_000): Promise<void> => {
  const until = performance.now() + ms
  while (!holds()) {
    if (performance.now() > until) throw new Error('did not come true in time')
    await new Promise(next => setTimeout(next, 5))
  }
}

/** The ClientHello of Node's own client, as it goes over the wire. */
export async function clientHello(): Promise<Buffer> {
  return new Promise(resolve => {
    const server = createServer(socket => {
      let seen = Buffer.alloc(0)
      socket.on('data', chunk => {
        seen = Buffer.concat([seen, chunk])
        if (readClientHello(seen).state !== 'hello') return
        socket.destroy()
        server.close()
        resolve(seen)
      })
    })
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      connectTls({ port: typeof address === 'object' ? address!.port : 0, servername: 'localhost', ALPNProtocols: ['http/1.1'] }).on(
        'error',
        () => {},
      )
    })
  })
}
