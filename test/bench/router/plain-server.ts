import { createServer, type AddressInfo } from 'node:net'
import { grant } from '../wish.ts'

/**
 * Child process: the far end of a forwarded route. It takes the ClientHello off (one record, which a router looked at) and goes on in
 * clear: what a router does with the bytes behind it is the same, and nobody's TLS is measured.
 */
const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
  socket.on('error', () => socket.destroy())
  let hello: Buffer | undefined = Buffer.alloc(0)
  grant({
    stream: socket,
    write: payload => void socket.write(payload),
    onPayload: read =>
      void socket.on('data', (chunk: Buffer) => {
        if (hello === undefined) return read(chunk)
        hello = Buffer.concat([hello, chunk])
        if (hello.length < 5 || hello.length < 5 + hello.readUInt16BE(3)) return
        const rest = hello.subarray(5 + hello.readUInt16BE(3))
        hello = undefined
        if (rest.length > 0) read(rest)
      }),
  })
})
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }))
process.once('disconnect', () => process.exit(0))
