import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { OPENINGS, type Opening } from './databases/opening.ts'
import { encodeWish, type Wish } from './wish.ts'

const POSTGRES = OPENINGS['postgres']!

/** @param before what is said first, such as the ClientHello that a router looks at */
async function open(port: number, wish: Wish, before: Buffer | undefined, opening: Opening): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  if (opening.greeting !== undefined) await once(socket, 'data')
  socket.write(Buffer.concat([before ?? Buffer.alloc(0), encodeWish(wish, opening)]))
  return socket
}

const close = async (socket: Socket): Promise<void> => {
  socket.end()
  socket.resume()
  await once(socket, 'close')
}

/** One message there and back at a time. @returns µs of each */
export async function roundTrips(port: number, count: number, before?: Buffer, opening = POSTGRES): Promise<number[]> {
  const socket = await open(port, { kind: 'echo' }, before, opening)
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
  opening = POSTGRES,
): Promise<number> {
  const started = performance.now()
  await Promise.all(
    Array.from({ length: streams }, async () => {
      const socket = await open(port, { kind: direction, bytes }, before, opening)
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

/** `count` connections that were answered once and then do nothing. At most `atOnce` are opened together. @returns what ends them */
export async function openIdle(port: number, count: number, opening: Opening, atOnce = 50): Promise<() => Promise<void>> {
  const sockets: Socket[] = []
  let begun = 0
  const work = async (): Promise<void> => {
    while (begun++ < count) {
      const socket = await open(port, { kind: 'echo' }, undefined, opening)
      await once(socket, 'data')
      sockets.push(socket)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return async () => void (await Promise.all(sockets.map(close)))
}
