import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { encodeWish, type Wish } from './wish.ts'

/** @param before what is said first, such as the ClientHello that a router looks at */
async function open(port: number, wish: Wish, before: Buffer = Buffer.alloc(0)): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  socket.write(Buffer.concat([before, encodeWish(wish)]))
  return socket
}

const close = async (socket: Socket): Promise<void> => {
  socket.end()
  socket.resume()
  await once(socket, 'close')
}

/** One message there and back at a time. @returns µs of each */
export async function roundTrips(port: number, count: number, before?: Buffer): Promise<number[]> {
  const socket = await open(port, { kind: 'echo' }, before)
  const bytes = 64
  await once(socket, 'data')
  const message = Buffer.alloc(bytes, 7)
  const times: number[] = []
  await new Promise<void>(resolve => {
    let got = 0
    let started = 0
    const say = (): void => {
      started = performance.now()
      socket.write(message)
    }
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length
      if (got < bytes) return
      got = 0
      times.push((performance.now() - started) * 1000)
      if (times.length === count) resolve()
      else say()
    })
    say()
  })
  await close(socket)
  return times.slice(count >> 2)
}

/** `streams` connections at once, `bytes` each. @returns bytes a second, all together */
export async function throughput(
  port: number,
  direction: 'send' | 'take',
  streams: number,
  bytes: number,
  before?: Buffer,
): Promise<number> {
  const started = performance.now()
  await Promise.all(
    Array.from({ length: streams }, async () => {
      const socket = await open(port, { kind: direction, bytes }, before)
      if (direction === 'send') {
        let got = 0
        await new Promise<void>(resolve =>
          socket.on('data', (chunk: Buffer) => {
            if ((got += chunk.length) >= bytes) resolve()
          }),
        )
      } else {
        await once(socket, 'data')
        const chunk = Buffer.alloc(64 * 1024, 7)
        for (let left = bytes; left > 0; left -= chunk.length) {
          if (!socket.write(left < chunk.length ? chunk.subarray(0, left) : chunk)) await once(socket, 'drain')
        }
        await once(socket, 'data')
      }
      await close(socket)
    }),
  )
  return (streams * bytes * 1000) / (performance.now() - started)
}
