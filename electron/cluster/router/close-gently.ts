import type { Duplex } from 'node:stream'

const LINGER_MS = 1_000

/**
 * Ends a stream with FIN. Closing a TCP socket that holds unread bytes makes the system send RST, which takes away what was written
 * before; so what still comes is read and dropped, for a second at most.
 * Resolves when the stream is closed.
 */
export function closeGently(stream: Duplex): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed) return resolve()
    const cut = setTimeout(() => stream.destroy(), LINGER_MS).unref()
    stream.once('close', () => {
      clearTimeout(cut)
      resolve()
    })
    stream.end()
    stream.resume()
  })
}
