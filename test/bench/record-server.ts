import { createServer, type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { createSecureContext, TLSSocket } from 'node:tls'
import { ALPN, PING_SUFFIX } from '../../shared/protocols.ts'
import { PingFrameReader, pingFrameHeader } from '../../electron/wire/ping-frames.ts'
import { readFirstPacket } from '../../electron/wire/postgres.ts'
import { makeCertificates } from '../kit/certificates.ts'

/**
 * Child process: a proxy that sends rows as a real Teleport does, header and payload of each frame in a TLS record of its
 * own. Tells its port and certificates to its parent. The startup packet's `bytes` is the number of rows that are wanted.
 */

const ROW = Buffer.alloc(40, 'portico ')
/** A fast proxy is ahead of its reader, which then finds many records at once: they leave together, some 16 KB a write. */
const TOGETHER = 250

/** The socket below TLS, so that what it writes can be held back. */
function under(socket: Socket): Duplex {
  const stream = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      socket.write(chunk)
      done()
    },
    final: done => void socket.end(done),
  })
  socket.on('data', chunk => stream.push(chunk) || socket.pause())
  socket.on('end', () => stream.push(null))
  socket.on('close', () => stream.destroy())
  return stream
}

/** A reader that went away drains nothing: the socket is destroyed then. */
const drained = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    const done = (): void => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })

async function sendRows(stream: TLSSocket, socket: Socket, rows: number): Promise<void> {
  const record = (bytes: Buffer): Promise<unknown> => new Promise(done => stream.write(bytes, done))
  for (let row = 0; row < rows && !socket.destroyed; row++) {
    if (row % TOGETHER === 0) {
      socket.uncork()
      if (socket.writableNeedDrain) await drained(socket)
      socket.cork()
    }
    await record(pingFrameHeader(ROW.length))
    await record(ROW)
  }
  socket.uncork()
  stream.end()
}

const certificates = await makeCertificates()
const [server, database] = await Promise.all([certificates.server(), certificates.database()])
const secureContext = createSecureContext({ ...server, ca: [certificates.userRoot], sessionIdContext: 'rows' })
const listener = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
  socket.on('error', () => socket.destroy())
  const stream = new TLSSocket(under(socket), {
    isServer: true,
    secureContext,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: [ALPN.postgres + PING_SUFFIX],
  })
  stream.on('error', () => socket.destroy())
  const frames = new PingFrameReader()
  let early = Buffer.alloc(0)
  stream.on('data', (chunk: Buffer) =>
    frames.push(chunk, part => {
      early = Buffer.concat([early, part])
      const first = readFirstPacket(early)
      if (first.state === 'packet' && first.packet.kind === 'startup')
        void sendRows(stream, socket, Number(first.packet.parameters.get('bytes')))
    }),
  )
})
listener.listen(0, '127.0.0.1', () =>
  process.send!({ port: (listener.address() as AddressInfo).port, webRoot: certificates.webRoot, database }),
)
process.once('disconnect', () => process.exit(0))
