import type { Duplex } from 'node:stream'

/**
 * Copies both ways until both sides have ended: half-close and back-pressure kept, bytes never looked at.
 * What arrives within one turn of the loop goes out as one write. An error or an early close of one side ends the other.
 * @returns a promise that is settled, never rejected, once both are closed or were told to
 */
export function splice(a: Duplex, b: Duplex): Promise<void> {
  return new Promise(resolve => {
    let open = 2
    const closed = (other: Duplex, self: Duplex): void => {
      if (!self.readableEnded) other.destroy()
      if (--open === 0) resolve()
    }
    a.on('error', () => b.destroy())
    b.on('error', () => a.destroy())
    a.once('close', () => closed(b, a))
    b.once('close', () => closed(a, b))
    copy(a, b)
    copy(b, a)
    if (a.destroyed) b.destroy()
    if (b.destroyed) a.destroy()
  })
}

function copy(from: Duplex, to: Duplex): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) {
      from.pause()
      to.once('drain', () => from.resume())
    }
  })
  from.once('end', () => to.end())
  from.resume()
}
