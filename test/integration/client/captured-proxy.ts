import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { capturedResponse } from '../../vectors/client/captured.ts'

/** What a path is answered with: raw bytes of a whole answer, or something that writes and hangs up by itself. */
export type Serve = (request: { readonly path: string; readonly head: string; readonly body: string }, socket: Socket) => Buffer | undefined

export interface CapturedProxy {
  readonly port: number
  /** SNI of each connection; false = none. */
  readonly names: (string | false)[]
  /** Requests in the order they came. */
  readonly heads: string[]
  close(): Promise<void>
}

/** A real TLS server that answers with bytes captured from Teleport, one connection after the other. */
export function openCapturedProxy(keyPair: { key: string; cert: string }, serve: Serve, port = 0): Promise<CapturedProxy> {
  const [names, heads]: [(string | false)[], string[]] = [[], []]
  const server = createTlsServer({ ...keyPair, ALPNProtocols: ['http/1.1'] }, socket => {
    names.push((socket as { servername?: string | false }).servername || false)
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = text.slice(0, end)
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      const body = text.slice(end + 4)
      if (body.length < length) return
      text = ''
      heads.push(head)
      const answer = serve({ path: head.split(' ')[1]!, head, body }, socket)
      if (answer !== undefined) socket.write(answer)
    })
  })
  return listening(server, port).then(open => ({ ...open, names, heads }))
}

/** A TCP server that does with each connection what it is told. */
export function openTcpServer(serve: (socket: Socket) => void): Promise<{ port: number; close(): Promise<void> }> {
  return listening(createTcpServer(serve), 0)
}

function listening(server: Server, port: number): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('secureConnection', (socket: Socket) => socket.on('error', () => {}))
  server.on('tlsClientError', () => {})
  const close = (): Promise<void> =>
    new Promise(resolve => {
      for (const socket of sockets) socket.destroy()
      server.close(() => resolve())
    })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve({ port: (server.address() as AddressInfo).port, close }))
  })
}

/** The captured ping with keep-alive, so that one connection can serve a second request, and with chosen headers and text. */
export function pingAnswer({ date = new Date(), publicAddr = '' }: { date?: Date; publicAddr?: string } = {}): Buffer {
  const [, body] = capturedResponse('ping').toString('utf8').split('\r\n\r\n') as [string, string]
  return httpAnswer(body.replace('localhost:13080', publicAddr), 'application/json', date)
}

export function httpAnswer(body: string, type = 'text/plain', date = new Date(), status = '200 OK'): Buffer {
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nDate: ${date.toUTCString()}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
