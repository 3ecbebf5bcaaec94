import type { Duplex } from 'node:stream'
import { PorticoError } from '../../shared/errors.ts'
import { PingFrameReader, pingFrameHeader } from '../wire/ping-frames.ts'
import { TurnWriter } from './turn-writer.ts'

/**
 * The only file that moves payload. Two streams, both directions, half-close and back-pressure kept, counted. Ping frames
 * are taken off and put on here, without a stream layer of their own. Towards the local program everything that one turn
 * of the loop brings is one write (turn-writer.ts). Towards the proxy nothing is gathered: one read of the local socket is
 * one write, and while a TLS write is under way Node joins what queues behind it.
 */

/** Reading stops while more than this waits to be written, bytes a direction. */
export const QUEUE_BYTES = 256 * 1024
/** A frame up to this size is copied behind its header: cheaper than a scattered write. */
const COPY_BYTES = 16 * 1024
/** Once a side is gone, the other may be this long without progress in taking what is left for it. */
const LINGER_MS = 5_000

/** Our stream to the proxy. */
export interface UpstreamStream {
  readonly stream: Duplex
  /** The `-ping` form was negotiated: both directions are framed. */
  readonly framed: boolean
  /** Who gets what is read; one at a time. Parts are lent: they hold only until the call returns. */
  onRead(reader: (part: Buffer) => void): void
}

export interface SpliceOptions {
  /** What was read from the upstream before. */
  readonly first?: Buffer | undefined
  /** Payload bytes from the proxy to the local program. */
  readonly countIn: (bytes: number) => void
  readonly countOut: (bytes: number) => void
  /**
   * Looks at what the local program says before it is passed on: `pass`, `done` (pass, and look no more), or words for the
   * program, after which both sides are closed. Who has none pays nothing.
   */
  readonly guard?: ((chunk: Buffer) => 'pass' | 'done' | Buffer) | undefined
  /** Sees what comes from the proxy until it says `true`. */
  readonly watch?: ((part: Buffer) => boolean) | undefined
  readonly lingerMs?: number
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
export function splice(
  local: Duplex,
  { stream: upstream, framed, onRead }: UpstreamStream,
  options: SpliceOptions,
): Promise<Error | undefined> {
  const { first, countIn, countOut, guard, watch, lingerMs = LINGER_MS } = options
  return new Promise(resolve => {
    let open = 2
    let cause: Error | undefined
    let paused = false
    const down = new TurnWriter(upstream, local, QUEUE_BYTES)
    const frames = framed ? new PingFrameReader() : undefined
    const pass = (part: Buffer): void => {
      countIn(part.length)
      down.push(part)
    }
    let payload = pass
    if (watch !== undefined)
      payload = part => {
        if (watch(part)) payload = pass
        pass(part)
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

    const guarded = (chunk: Buffer): void => {
      const verdict = guard!(chunk)
      if (verdict === 'pass') return fromLocal(chunk)
      local.off('data', guarded)
      if (verdict === 'done') {
        local.on('data', fromLocal)
        return fromLocal(chunk)
      }
      down.flush()
      local.write(verdict)
      upstream.destroy()
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
      // Not destroy(): what was already accepted for it must still leave, as fast as it is taken. Once that is said, nobody
      // is left to hear what a proxy goes on sending.
      const said = (): void => {
        if (other === upstream) other.destroy()
      }
      // A second end of a stream that said everything would build an error, with its stack, for nobody.
      if (other.writableFinished) said()
      else other.end(said)
      other.resume()
      let left = other.writableLength
      const linger = setInterval(() => {
        const now = other.writableLength
        if (now === 0 || now >= left) other.destroy()
        left = now
      }, lingerMs)
      other.once('close', () => clearInterval(linger))
    }
    for (const [side, other] of [
      [local, upstream],
      [upstream, local],
    ] as const) {
      side.on('error', error => (cause ??= error))
      if (side.destroyed) queueMicrotask(closed(other))
      else side.once('close', closed(other))
    }
    local.on('data', guard === undefined ? fromLocal : guarded)
    onRead(fromUpstream)
    if (local.readableEnded) upstream.end()
    else local.once('end', () => upstream.end())
    if (first !== undefined && first.length > 0) fromUpstream(first)
    if (upstream.readableEnded) upstreamEnded()
    else upstream.once('end', upstreamEnded)
    local.resume()
    upstream.resume()
  })
}
