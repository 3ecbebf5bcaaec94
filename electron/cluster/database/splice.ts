import type { Duplex } from 'node:stream'
import { FramedStream } from '../router/ping-framed.ts'

/** Sees each chunk before it goes on. What it does not pass is held back; it may pass something else. May not throw. */
export type Watch = (chunk: Buffer, pass: (part: Buffer) => void) => void

/** For a protocol that has to be looked at on the way. */
export interface Watches {
  readonly fromA?: Watch
  readonly fromB?: Watch
}

/**
 * Reading stops while more than this waits to be written, bytes a direction. Not at the first `false` of a write: Node's sockets say that
 * for every whole read, most of which the system has taken at once, and a pause for each costs a fifth of the throughput.
 */
const QUEUE_BYTES = 128 * 1024

/**
 * Copies both ways until both sides have ended: half-close and back-pressure kept, bytes looked at by a watch only.
 * What arrives within one turn of the loop goes out as one write. An error or an early close of one side ends the other.
 * @returns a promise that is settled, never rejected, once both are closed or were told to
 */
export function splice(a: Duplex, b: Duplex, { fromA, fromB }: Watches = {}): Promise<void> {
  return new Promise(resolve => {
    let open = 2
    const closed = (other: Duplex, self: Duplex, passRest: () => void): void => {
      if (!self.readableEnded) {
        if (self.errored === null && other.writable) {
          passRest()
          other.end(() => other.destroy())
        } else other.destroy()
      }
      if (--open === 0) resolve()
    }
    a.on('error', () => b.destroy())
    b.on('error', () => a.destroy())
    const restOfA = copy(a, b, fromA)
    const restOfB = copy(b, a, fromB)
    a.once('close', () => closed(b, a, restOfA))
    b.once('close', () => closed(a, b, restOfB))
    if (a.destroyed) b.destroy()
    if (b.destroyed) a.destroy()
  })
}

/**
 * One call a chunk: ping frames are taken off and put on without a stream layer of their own.
 * @returns passes on what waits in `from` after it closed. TLS over a stream that is no socket (an SSH channel) closes with that stream,
 * while bytes that came before wait for a slow reader: they are still owed.
 */
function copy(from: Duplex, to: Duplex, watch: Watch | undefined): () => void {
  let paused = false
  const write: (chunk: Buffer) => boolean =
    to instanceof FramedStream ? chunk => to.writePast(chunk) : chunk => to.write(chunk) || to.writableLength <= QUEUE_BYTES
  const pass = (chunk: Buffer): void => {
    if (write(chunk) || paused) return
    paused = true
    from.pause()
    to.once('drain', () => {
      paused = false
      from.resume()
    })
  }
  const take = watch === undefined ? pass : (chunk: Buffer): void => watch(chunk, pass)
  from.once('end', () => to.end())
  if (from instanceof FramedStream) from.readPast(take)
  else from.on('data', take)
  if (!paused) from.resume()
  return () => {
    from.off('data', take)
    for (let rest: Buffer | null = from.read(); rest !== null; rest = from.read()) take(rest)
  }
}
