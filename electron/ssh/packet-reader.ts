import { PorticoError } from '../../shared/errors.ts'
import { malformed } from './failures.ts'
import { CLEAR, type PacketOpener } from './packet-cipher.ts'

const NOTHING = Buffer.alloc(0)
/** First room for a packet that does not come in one piece; an announced length alone buys no memory. */
const ROOM = 64 * 1024

/** Cuts a stream of chunks into payloads. Chunks are not copied, but for a packet that spans two of them. */
export class PacketReader {
  readonly #limit: number
  #opener: PacketOpener = CLEAR
  #chunk: Buffer = NOTHING
  /** The start of a packet whose end is still to come: `#joined` bytes of `#room`. */
  #room: Buffer = NOTHING
  #joined = 0
  /** Bytes needed to go on: first the head, then the whole packet. */
  #need = CLEAR.headLength
  #lengthKnown = false
  #sequence = 0
  /** Bytes of whole packets so far, with everything around the payload. */
  received = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Number of the packet that `next` returned last. */
  get sequence(): number {
    return (this.#sequence - 1) >>> 0
  }

  /** Only when `next` has returned undefined. */
  push(chunk: Buffer): void {
    this.#chunk = this.#chunk.length === 0 ? chunk : Buffer.concat([this.#chunk, chunk])
  }

  /** For the next packet on. @param restart strict key exchange counts from 0 again */
  useKeys(opener: PacketOpener, restart: boolean): void {
    this.#opener = opener
    this.#need = opener.headLength
    if (restart) this.#sequence = 0
  }

  /** @returns a payload, never empty; undefined when more bytes are needed @throws PorticoError wire/malformed, wire/too-long */
  next(): Buffer | undefined {
    const opener = this.#opener
    let bytes = this.#whole()
    if (bytes === undefined) return undefined
    if (!this.#lengthKnown) {
      const length = opener.readLength(bytes.subarray(0, opener.headLength))
      if (length > this.#limit) throw new PorticoError('wire/too-long', { why: 'an SSH packet is too long' })
      // Padding length and four bytes of padding are the least.
      if (length < 5 || 4 + length < opener.headLength) throw malformed('the length of an SSH packet is wrong')
      this.#need = 4 + length + opener.tagLength
      this.#lengthKnown = true
      bytes = this.#whole()
      if (bytes === undefined) return undefined
    }
    const body = opener.open(bytes, this.#sequence)
    this.#consume()
    this.#sequence = (this.#sequence + 1) >>> 0
    const padding = body[0]!
    if (padding + 1 >= body.length) throw malformed('the padding of an SSH packet is wrong')
    return body.subarray(1, body.length - padding)
  }

  /** The packet's bytes in one piece, as far as they are needed now. */
  #whole(): Buffer | undefined {
    const need = this.#need
    if (this.#joined === 0 && this.#chunk.length >= need) return this.#chunk.subarray(0, need)
    const take = Math.min(need - this.#joined, this.#chunk.length)
    if (take > 0) {
      this.#makeRoom(this.#joined + take, need)
      this.#chunk.copy(this.#room, this.#joined, 0, take)
      this.#joined += take
      this.#chunk = this.#chunk.subarray(take)
    }
    return this.#joined < need ? undefined : this.#room.subarray(0, need)
  }

  #makeRoom(length: number, need: number): void {
    if (length <= this.#room.length) return
    const room = Buffer.allocUnsafeSlow(this.#lengthKnown ? Math.min(need, Math.max(ROOM, 2 * length)) : need)
    this.#room.copy(room, 0, 0, this.#joined)
    this.#room = room
  }

  #consume(): void {
    this.received += this.#need
    if (this.#joined === 0) this.#chunk = this.#chunk.length === this.#need ? NOTHING : this.#chunk.subarray(this.#need)
    // What was read from it may still be in use, so it is not written again.
    this.#room = NOTHING
    this.#joined = 0
    this.#need = this.#opener.headLength
    this.#lengthKnown = false
  }
}
