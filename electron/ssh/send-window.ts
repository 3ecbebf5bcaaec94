import { malformed } from './failures.ts'
import { CHANNEL_PACKET } from './limits.ts'
import { channelDataHead } from './messages/connection-messages.ts'

/** What a channel needs to send: the transport, as seen from one connection. */
export interface ChannelWire {
  send(head: Buffer, data?: Buffer): void
  /** Bulk data must wait for `whenDrained`. */
  readonly full: boolean
  /** Calls once, in the order of asking, when there is room again. */
  whenDrained(go: () => void): void
}

const LARGEST_WINDOW = 0xffff_ffff

/** What the peer lets us send on one channel, plain data and stderr alike. RFC 4254 5.2 */
export class SendWindow {
  readonly #wire: ChannelWire
  readonly #recipient: number
  readonly #maxPacket: number
  #left: number
  /** Writers that the window stopped. */
  #stopped: (() => void)[] = []
  #closed = false

  constructor(wire: ChannelWire, recipient: number, window: number, maxPacket: number) {
    this.#wire = wire
    this.#recipient = recipient
    this.#left = window
    this.#maxPacket = Math.max(1, Math.min(maxPacket, CHANNEL_PACKET))
  }

  /** @throws PorticoError wire/malformed */
  widen(bytes: number): void {
    this.#left += bytes
    if (this.#left > LARGEST_WINDOW) throw malformed('the window of a channel is too large')
    this.#resume()
  }

  /** Nothing is taken any more: what is still to be written is dropped, as on a socket that the other side has left. */
  close(): void {
    this.#closed = true
    this.#resume()
  }

  /** @param kind 1 = stderr, undefined = plain data @param done once all bytes are on their way, or dropped */
  write(data: Buffer, kind: number | undefined, done: () => void): void {
    let at = 0
    const go = (): void => {
      while (at < data.length) {
        if (this.#closed) break
        if (this.#wire.full) return this.#wire.whenDrained(go)
        const length = Math.min(data.length - at, this.#left, this.#maxPacket)
        if (length === 0) {
          this.#stopped.push(go)
          return
        }
        this.#left -= length
        this.#wire.send(channelDataHead(this.#recipient, kind, length), length === data.length ? data : data.subarray(at, at + length))
        at += length
      }
      // The bytes of a packet that waits in the transport's queue must stay as they are until they have left.
      if (this.#wire.full && !this.#closed) this.#wire.whenDrained(done)
      else done()
    }
    go()
  }

  #resume(): void {
    for (const go of this.#stopped.splice(0)) go()
  }
}
