import { Duplex } from 'node:stream'
import { PorticoError } from '../../../shared/errors.ts'
import { PING_FRAME, PingFrameReader, pingFrameHeader } from '../../wire/ping-frames.ts'

/** As Node's sockets have it from version 22 on: a whole splice read fits. */
const BUFFERED = 65_536

/** A frame up to this size is copied behind its header: one TLS record, and cheaper than a scattered write. */
const COPY_BYTES = 16 * 1024

/**
 * The plain bytes inside a ping-framed stream. It owns that stream: both end and close together.
 * @param pingEveryMs a ping goes out that often; 0 = this side sends none (only servers do)
 */
export function pingFramed(stream: Duplex, pingEveryMs: number): FramedStream {
  return new FramedStream(stream, pingEveryMs)
}

export class FramedStream extends Duplex {
  readonly #stream: Duplex
  readonly #frames = new PingFrameReader()
  readonly #pings: NodeJS.Timeout | undefined
  /** Kept, so that a chunk with many frames makes no closures. */
  #deliver = (part: Buffer): void => {
    this.#wanted = this.push(part)
  }
  #wanted = true
  /** {@link readPast} was called: who wants no more pauses. */
  #past = false
  /** {@link writePast} waits for the stream below. */
  #blocked = false

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
    if (this.#past) return
    this.#wanted = true
    if (this.#stream.isPaused()) this.#stream.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#sendFrame([chunk], chunk.length, done)
  }

  /** What piled up while the stream was busy leaves as one frame. */
  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    const parts = chunks.map(({ chunk }) => chunk)
    this.#sendFrame(
      parts,
      parts.reduce((sum, part) => sum + part.length, 0),
      done,
    )
  }

  /** Done when the stream below takes more, so that its queue is the only one. */
  #sendFrame(parts: readonly Buffer[], length: number, done: () => void): void {
    if (length === 0 || this.#frame(parts, length)) done()
    else this.#stream.once('drain', done)
  }

  /** @returns false while the stream below wants no more */
  #frame(parts: readonly Buffer[], length: number): boolean {
    const header = pingFrameHeader(length)
    if (length <= COPY_BYTES) return this.#stream.write(Buffer.concat([header, ...parts], header.length + length))
    this.#stream.cork()
    let wanted = this.#stream.write(header)
    for (const part of parts) wanted = this.#stream.write(part)
    this.#stream.uncork()
    return wanted
  }

  /**
   * For a splice: from now on payload is handed to `reader` as it is taken off the stream below, without the queue and the events of
   * this one. `pause`, `resume`, `end`, `error` and `close` stay. Parts are slices of what was read.
   */
  readPast(reader: (part: Buffer) => void): void {
    this.#deliver = reader
    this.#past = this.#wanted = true
    for (let waiting = this.read(); waiting !== null; waiting = this.read()) reader(waiting as Buffer)
  }

  /** For a splice: `write`, without a queue of its own in front of the one below. @returns false until `drain` */
  writePast(chunk: Buffer): boolean {
    if (this.writableLength > 0 || !this.writable) return this.write(chunk)
    if (chunk.length === 0 || this.#frame([chunk], chunk.length)) return true
    if (!this.#blocked) {
      this.#blocked = true
      this.#stream.once('drain', () => {
        this.#blocked = false
        this.emit('drain')
      })
    }
    return false
  }

  override pause(): this {
    if (this.#past) this.#stream.pause()
    return super.pause()
  }

  override resume(): this {
    if (this.#past) this.#stream.resume()
    return super.resume()
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
