import { Duplex } from 'node:stream'
import { PorticoError } from '../../../shared/errors.ts'
import { PING_FRAME, PingFrameReader, pingFrameHeader } from '../../wire/ping-frames.ts'

/** As Node's sockets have it from version 22 on: a whole splice read fits. */
const BUFFERED = 65_536

/**
 * The plain bytes inside a ping-framed stream. It owns that stream: both end and close together.
 * @param pingEveryMs a ping goes out that often; 0 = this side sends none (only servers do)
 */
export function pingFramed(stream: Duplex, pingEveryMs: number): Duplex {
  return new FramedStream(stream, pingEveryMs)
}

class FramedStream extends Duplex {
  readonly #stream: Duplex
  readonly #frames = new PingFrameReader()
  readonly #pings: NodeJS.Timeout | undefined
  /** Kept, so that a chunk with many frames makes no closures. */
  readonly #deliver = (part: Buffer): void => {
    this.#wanted = this.push(part)
  }
  #wanted = true

  constructor(stream: Duplex, pingEveryMs: number) {
    super({ allowHalfOpen: true, readableHighWaterMark: BUFFERED, writableHighWaterMark: BUFFERED })
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => {
      this.#frames.push(chunk, this.#deliver)
      if (!this.#wanted) stream.pause()
    })
    stream.once('end', () => {
      if (this.#frames.midFrame) this.destroy(new PorticoError('wire/cut-short', { why: 'the stream ended inside a frame' }))
      else this.push(null)
    })
    stream.on('error', error => this.destroy(error))
    stream.once('close', () => {
      // After a proper end of both directions a slow reader may still have bytes to fetch here.
      if (!stream.readableEnded || !this.writableFinished) this.destroy()
    })
    if (pingEveryMs > 0) this.#pings = setInterval(() => this.#ping(), pingEveryMs).unref()
  }

  /** Every frame is written in one go, so a ping never lands inside one. A stream that is busy or stuck needs none. */
  #ping(): void {
    if (this.#stream.writable && this.#stream.writableLength === 0) this.#stream.write(PING_FRAME)
  }

  override _read(): void {
    this.#wanted = true
    if (this.#stream.isPaused()) this.#stream.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (chunk.length === 0) return done()
    this.#stream.cork()
    this.#stream.write(pingFrameHeader(chunk.length))
    this.#stream.write(chunk, done)
    this.#stream.uncork()
  }

  /** What piled up while the stream was busy leaves as one frame. */
  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    let length = 0
    for (const { chunk } of chunks) length += chunk.length
    if (length === 0) return done()
    this.#stream.cork()
    this.#stream.write(pingFrameHeader(length))
    for (let index = 0; index < chunks.length - 1; index++) this.#stream.write(chunks[index]!.chunk)
    this.#stream.write(chunks[chunks.length - 1]!.chunk, done)
    this.#stream.uncork()
  }

  override _final(done: (error?: Error | null) => void): void {
    clearInterval(this.#pings)
    this.#stream.end(() => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearInterval(this.#pings)
    this.#stream.destroy()
    done(error)
  }
}
