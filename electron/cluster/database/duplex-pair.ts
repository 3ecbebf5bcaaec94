import { Duplex } from 'node:stream'

/** Two records of TLS and their overhead fit several times: the writer rarely waits. */
const HIGH_WATER_MARK = 256 * 1024

/** One end of a wire in memory: what is written here is read there. Half-close and back-pressure as with a socket. */
class WireEnd extends Duplex {
  #other: WireEnd | undefined
  #waiting: (() => void) | undefined

  constructor() {
    super({ readableHighWaterMark: HIGH_WATER_MARK, writableHighWaterMark: HIGH_WATER_MARK, decodeStrings: false, emitClose: true })
  }

  connect(other: WireEnd): void {
    this.#other = other
  }

  override _read(): void {
    const waiting = this.#other?.takeWaiting()
    if (waiting !== undefined) waiting()
  }

  takeWaiting(): (() => void) | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    return waiting
  }

  /** Never delivered within the write, as with a socket: a TLS handshake would be over before its caller can listen. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    process.nextTick(deliver, this, chunk, done)
  }

  deliver(chunk: Buffer, done: () => void): void {
    const other = this.#other
    if (other === undefined || other.destroyed || this.destroyed) return done()
    if (other.push(chunk)) done()
    else this.#waiting = done
  }

  override _final(done: (error?: Error | null) => void): void {
    const other = this.#other
    if (other !== undefined && !other.destroyed) other.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.takeWaiting()?.()
    const other = this.#other
    // The far end learns of it after what was sent before has been read, as with a socket.
    if (other !== undefined && !other.destroyed) process.nextTick(() => other.farEndGone(this.writableFinished))
    done(error)
  }

  farEndGone(cleanly: boolean): void {
    if (this.destroyed) return
    this.takeWaiting()?.()
    if (cleanly) return
    this.destroy()
  }
}

const deliver = (from: WireEnd, chunk: Buffer, done: () => void): void => from.deliver(chunk, done)

/** A connected pair of streams within this process, for the TLS hop between the proxy's and the agent's half. */
export function duplexPair(): [proxyEnd: Duplex, agentEnd: Duplex] {
  const [one, other] = [new WireEnd(), new WireEnd()]
  one.connect(other)
  other.connect(one)
  return [one, other]
}
