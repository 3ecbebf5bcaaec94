import { malformed } from './failures.ts'

/** What we let the peer send on one channel; room is given back when bytes have been read. RFC 4254 5.2 */
export class ReceiveWindow {
  readonly #size: number
  readonly #giveBack: (bytes: number) => void
  #left: number
  #read = 0

  constructor(size: number, giveBack: (bytes: number) => void) {
    this.#size = size
    this.#left = size
    this.#giveBack = giveBack
  }

  /** @throws PorticoError wire/malformed */
  took(bytes: number): void {
    this.#left -= bytes
    if (this.#left < 0) throw malformed('more came on a channel than its window allows')
  }

  /** Told to the peer from a quarter of a window on: late enough to be rare, early enough that the peer never waits for a reader who keeps up. */
  wasRead(bytes: number): void {
    this.#read += bytes
    if (this.#read < this.#size / 4) return
    this.#left += this.#read
    this.#giveBack(this.#read)
    this.#read = 0
  }
}
