import type { Duplex } from 'node:stream'
import { PorticoError } from '../../shared/errors.ts'
import { PingFrameReader, pingFrameHeader } from '../wire/ping-frames.ts'

/**
 * The only file that moves payload. Two streams, both directions, half-close and back-pressure kept, counted. Ping frames
 * are taken off and put on here, without a stream layer of their own.
 *
 * TLS hands over one record at a time, often a few dozen bytes of one row: writing each to the local socket would cost a
 * system call a row. So what arrives within one turn of the loop leaves as one write. Towards the proxy nothing is
 * gathered: one read of the local socket is one write, and while a TLS write is under way Node joins what queues behind it.
 */

/** Joined and written at once when this much is gathered. */
const JOIN_BYTES = 64 * 1024
/** Reading stops while more than this waits to be written, bytes a direction. */
const QUEUE_BYTES = 256 * 1024
/** One copy into one buffer is cheaper than a scattered write up to this size. */
const COPY_BYTES = 16 * 1024
/** Once a side is gone, the other may be this long without progress in taking what is left for it. */
const LINGER_MS = 5_000

export interface SpliceOptions {
  readonly framed: boolean
  /** Payload (or frames) that was read from the upstream before. */
  readonly first?: Buffer | undefined
  /** Payload bytes from the proxy to the local program. */
  readonly countIn: (bytes: number) => void
  readonly countOut: (bytes: number) => void
  readonly lingerMs?: number
}

let gathered: TurnWriter[] = []
const flushGathered = (): void => {
  const turn = gathered
  gathered = []
  for (const writer of turn) writer.flush()
}

/** Joins what one turn of the event loop brings. All connections of a thread share one immediate. */
class TurnWriter {
  readonly #to: Duplex
  readonly #from: Duplex
  #chunks: Buffer[] = []
  #bytes = 0
  #paused = false

  constructor(from: Duplex, to: Duplex) {
    this.#from = from
    this.#to = to
  }

  readonly push = (chunk: Buffer): void => {
    if (this.#chunks.push(chunk) === 1 && gathered.push(this) === 1) setImmediate(flushGathered)
    this.#bytes += chunk.length
    if (this.#bytes >= JOIN_BYTES) this.flush()
  }

  flush(): void {
    const chunks = this.#chunks
    const bytes = this.#bytes
    if (bytes === 0) return
    this.#chunks = []
    this.#bytes = 0
    const to = this.#to
    if (!to.writable) return
    if (chunks.length === 1) to.write(chunks[0])
    else if (bytes <= COPY_BYTES) to.write(Buffer.concat(chunks, bytes))
    else {
      to.cork()
      for (const chunk of chunks) to.write(chunk)
      to.uncork()
    }
    if (!this.#paused && to.writableLength > QUEUE_BYTES) this.#wait()
  }

  #wait(): void {
    this.#paused = true
    this.#from.pause()
    this.#to.once('drain', () => {
      this.#paused = false
      this.#from.resume()
    })
  }
}

/** Writes one chunk as a frame. Small ones are copied behind their header, so that they leave as one TLS record. */
export function writeFrame(to: Duplex, chunk: Buffer): void {
  const header = pingFrameHeader(chunk.length)
  if (chunk.length <= COPY_BYTES) {
    to.write(Buffer.concat([header, chunk], header.length + chunk.length))
    return
  }
  to.cork()
  to.write(header)
  to.write(chunk)
  to.uncork()
}

/**
 * Both streams must have error listeners already and belong to the splice from here on; when it resolves both are closed.
 * @returns what went wrong, if anything
 */
export function splice(local: Duplex, upstream: Duplex, options: SpliceOptions): Promise<Error | undefined> {
  const { framed, first, countIn, countOut, lingerMs = LINGER_MS } = options
  return new Promise(resolve => {
    let open = 2
    let cause: Error | undefined
    let paused = false
    const down = new TurnWriter(upstream, local)
    const frames = framed ? new PingFrameReader() : undefined
    const payload = (part: Buffer): void => {
      countIn(part.length)
      down.push(part)
    }
    const fromUpstream = (chunk: Buffer): void => {
      if (frames === undefined) payload(chunk)
      else frames.push(chunk, payload)
    }
    const fromLocal = (chunk: Buffer): void => {
      countOut(chunk.length)
      if (!upstream.writable) return
      if (framed) writeFrame(upstream, chunk)
      else upstream.write(chunk)
      if (paused || upstream.writableLength <= QUEUE_BYTES) return
      paused = true
      local.pause()
      upstream.once('drain', () => {
        paused = false
        local.resume()
      })
    }

    const upstreamEnded = (): void => {
      down.flush()
      if (frames?.midFrame !== true) return void local.end()
      cause ??= new PorticoError('wire/cut-short')
      upstream.destroy()
    }

    const closed = (other: Duplex) => (): void => {
      if (--open === 0) return resolve(cause)
      down.flush()
      // Not destroy(): what was already accepted for it must still leave, as fast as it is taken.
      other.end()
      other.resume()
      let left = other.writableLength
      const linger = setInterval(() => {
        const now = other.writableLength
        if (now === 0 || now >= left) other.destroy()
        left = now
      }, lingerMs)
      other.once('close', () => clearInterval(linger))
    }
    for (const [side, other] of [[local, upstream], [upstream, local]] as const) {
      side.on('error', error => (cause ??= error))
      if (side.destroyed) queueMicrotask(closed(other))
      else side.once('close', closed(other))
    }
    local.on('data', fromLocal)
    upstream.on('data', fromUpstream)
    if (local.readableEnded) upstream.end()
    else local.once('end', () => upstream.end())
    if (first !== undefined && first.length > 0) fromUpstream(first)
    if (upstream.readableEnded) upstreamEnded()
    else upstream.once('end', upstreamEnded)
    local.resume()
    upstream.resume()
  })
}
