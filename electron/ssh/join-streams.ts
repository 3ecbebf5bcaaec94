import type { Duplex } from 'node:stream'

/** ms in which the side that is left may take what was already accepted for it */
const LINGER_MS = 5_000

/** Joins two streams until both are closed; EOF passes each way by itself, an error cuts both. Both must allow half-open. */
export function joinStreams(one: Duplex, other: Duplex): Promise<void> {
  return new Promise(resolve => {
    let open = 2
    for (const [side, far] of [
      [one, other],
      [other, one],
    ] as const) {
      const closed = (): void => {
        if (--open === 0) return resolve()
        // Not destroy(): what was accepted for it must still leave.
        far.end()
        far.resume()
        const linger = setTimeout(() => far.destroy(), LINGER_MS).unref()
        far.once('close', () => clearTimeout(linger))
      }
      side.on('error', () => far.destroy())
      if (side.destroyed) closed()
      else side.once('close', closed)
      side.pipe(far)
    }
  })
}
