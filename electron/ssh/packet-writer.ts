import { randomFillSync } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { CLEAR, type PacketSealer } from './packet-cipher.ts'

/** Parts shorter than this together are cheaper copied than written one by one. */
const SMALL = 4096
const LEAST_PADDING = 4

/** Pads, seals and writes packets. */
export class PacketWriter {
  readonly #stream: Duplex
  #sealer: PacketSealer = CLEAR
  #sequence = 0
  /** Bytes of packets so far, with everything around the payload. */
  sent = 0

  constructor(stream: Duplex) {
    this.#stream = stream
  }

  /** For the next packet on. @param restart strict key exchange counts from 0 again */
  useKeys(sealer: PacketSealer, restart: boolean): void {
    this.#sealer = sealer
    if (restart) this.#sequence = 0
  }

  /** @param data follows the head in the payload, so that bulk bytes are copied once */
  write(head: Buffer, data?: Buffer): void {
    const sealer = this.#sealer
    const length = head.length + (data?.length ?? 0)
    const block = sealer.blockLength
    let padding = block - (((sealer.padsLength ? 4 : 0) + 1 + length) % block)
    if (padding < LEAST_PADDING) padding += block
    const packet = Buffer.allocUnsafe(5 + length + padding)
    packet.writeUInt32BE(1 + length + padding, 0)
    packet[4] = padding
    head.copy(packet, 5)
    if (data !== undefined) data.copy(packet, 5 + head.length)
    // Random padding hides nothing once encrypted, and costs time.
    if (sealer === CLEAR) randomFillSync(packet, 5 + length)
    else packet.fill(0, 5 + length)
    const parts = sealer.seal(packet, this.#sequence)
    this.#sequence = (this.#sequence + 1) >>> 0
    this.sent += packet.length + sealer.tagLength
    if (parts.length === 1) this.#stream.write(parts[0])
    else if (packet.length < SMALL) this.#stream.write(Buffer.concat(parts))
    else {
      this.#stream.cork()
      for (const part of parts) this.#stream.write(part)
      this.#stream.uncork()
    }
  }
}
