import type { Duplex } from 'node:stream'

/** Ends a stream whose reader we do not need any more: what was written may leave, unless nothing moves for `ms`. */
export function endStream(stream: Duplex, ms: number): void {
  if (stream.destroyed) return
  stream.end()
  // An unread rest would keep it from closing.
  stream.resume()
  let waiting = stream.writableLength
  const look = setInterval(() => {
    if (stream.writableLength > 0 && stream.writableLength < waiting) waiting = stream.writableLength
    else stream.destroy()
  }, ms).unref()
  stream.once('close', () => clearInterval(look))
}
