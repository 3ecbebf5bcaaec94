import type { Socket } from 'node:net'

/** The next bytes of a socket; rejects when it closes before. */
export const read = (socket: Socket, bytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    let got = Buffer.alloc(0)
    const data = (chunk: Buffer): void => {
      got = Buffer.concat([got, chunk])
      if (got.length < bytes) return
      socket.off('data', data)
      resolve(got)
    }
    socket.on('data', data)
    socket.once('close', () => reject(new Error(`closed after ${got.length} of ${bytes} bytes`)))
  })

/** The other side hung up, in whatever way. */
export const hungUp = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    socket.once('end', resolve).once('close', () => resolve())
    socket.resume()
  })

/** Looks every 10 ms, for 10 s. */
export const until = async (condition: () => boolean, what: string): Promise<void> => {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 1_000) throw new Error(`never: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
