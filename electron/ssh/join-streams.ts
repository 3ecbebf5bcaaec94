import type { Duplex } from 'node:stream'
import { endStream } from './end-stream.ts'

/** ms without progress in which the side that is left may take what was already accepted for it */
const LINGER_MS = 5_000

/** Joins two streams until both are closed; EOF passes each way by itself, an error cuts both. One that is over already ends the other. Both must allow half-open. */
export function joinStreams(one: Duplex, other: Duplex): Promise<void> {
  return new Promise(resolve => {
    if (one.destroyed || other.destroyed) {
      for (const side of [one, other]) endStream(side, LINGER_MS)
      return resolve()
    }
    let open = 2
    for (const [side, far] of [
      [one, other],
      [other, one],
    ] as const) {
      const closed = (): void => {
        if (--open === 0) return resolve()
        // First, for it would pause the far side when it notices the end by itself.
        far.unpipe(side)
        // Not destroy(): what was accepted for it must still leave.
        endStream(far, LINGER_MS)
      }
      side.on('error', () => far.destroy())
      side.once('close', closed)
      side.pipe(far)
    }
  })
}
