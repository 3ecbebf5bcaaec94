import { Duplex } from 'node:stream'
import { PorticoError } from '../../../shared/errors.ts'
import { CLOSE, closeFrame, controlFrame, frameHeader, FrameReader, OPCODE } from '../../wire/websocket.ts'

/** As in the ping framing: a whole splice read fits. */
const BUFFERED = 65_536
/** How long the other side may take to answer a close frame. Teleport's clients wait as long. */
const CLOSE_MS = 3_000
const PING = controlFrame(OPCODE.ping, Buffer.from('teleport'))

/**
 * The bytes inside the binary messages of a WebSocket, server side. It owns the stream below: both end together, with close frames.
 * @param pingEveryMs a ping goes out that often; 0 = none. wire/alpn-sni.md 7.2
 */
export function webSocketStream(stream: Duplex, pingEveryMs: number): Duplex {
  return new WebSocketStream(stream, pingEveryMs)
}

class WebSocketStream extends Duplex {
  readonly #stream: Duplex
  readonly #frames: FrameReader
  readonly #pings: NodeJS.Timeout | undefined
  #wanted = true
  #said = false
  #heard = false
  #closed: (() => void) | undefined

  constructor(stream: Duplex, pingEveryMs: number) {
    super({ allowHalfOpen: true, readableHighWaterMark: BUFFERED, writableHighWaterMark: BUFFERED })
    this.#stream = stream
    this.#frames = new FrameReader({
      data: part => {
        if (!this.#heard) this.#wanted = this.push(part)
      },
      control: (opcode, payload) => this.#control(opcode, payload),
    })
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    stream.once('end', () => {
      if (this.#heard || this.#said) this.#hear()
      else if (this.#frames.midFrame) this.destroy(new PorticoError('wire/cut-short', { why: 'the stream ended inside a frame' }))
      else this.#hear()
    })
    stream.on('error', error => this.destroy(error))
    stream.once('close', () => {
      // After a proper close a slow reader may still have bytes to fetch here.
      if (!this.#heard || !this.writableFinished) this.destroy()
    })
    if (pingEveryMs > 0) this.#pings = setInterval(() => this.#ping(), pingEveryMs).unref()
  }

  #take(chunk: Buffer): void {
    try {
      this.#frames.push(chunk)
    } catch (thrown) {
      this.#say(closeFrame(String(PorticoError.from(thrown).facts['why']).includes('no binary') ? CLOSE.unsupported : CLOSE.protocolError))
      this.#stream.end()
      this.destroy(PorticoError.from(thrown))
    }
    if (!this.#wanted) this.#stream.pause()
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.ping && !this.#said && this.#stream.writable) this.#stream.write(controlFrame(OPCODE.pong, payload))
    if (opcode === OPCODE.close) this.#hear()
  }

  /** Nothing more comes. There is no half-close: our close frame answers, once what was written before is out. */
  #hear(): void {
    if (this.#heard) return
    this.#heard = true
    this.push(null)
    this.#closed?.()
    if (!this.#said) this.end()
  }

  #say(frame: Buffer): void {
    if (this.#said || !this.#stream.writable) return
    this.#said = true
    this.#stream.write(frame)
  }

  /** Every frame is written in one go, so a ping never lands inside one. A stream that is busy or stuck needs none. */
  #ping(): void {
    if (!this.#said && this.#stream.writable && this.#stream.writableLength === 0) this.#stream.write(PING)
  }

  override _read(): void {
    this.#wanted = true
    if (this.#stream.isPaused()) this.#stream.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (chunk.length === 0) return done()
    this.#stream.cork()
    this.#stream.write(frameHeader(OPCODE.binary, chunk.length))
    this.#stream.write(chunk, done)
    this.#stream.uncork()
  }

  override _final(done: (error?: Error | null) => void): void {
    clearInterval(this.#pings)
    this.#say(closeFrame(CLOSE.normal))
    const end = (): void => {
      clearTimeout(cut)
      this.#stream.end(() => done())
    }
    const cut = setTimeout(end, CLOSE_MS)
    if (this.#heard) end()
    else {
      this.#closed = end
      // Whoever ended this reads no more; the close frame is behind what still comes.
      this.#stream.resume()
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearInterval(this.#pings)
    this.#closed?.()
    // A refusal on its way out is let out.
    if (this.#said && this.#stream.writableLength > 0) this.#stream.end(() => this.#stream.destroy())
    else this.#stream.destroy()
    done(error)
  }
}
