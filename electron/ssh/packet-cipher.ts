/** One direction's keys at work. A packet = length (4 bytes), padding length, payload, padding, tag. RFC 4253 6 */

/** Bytes from the wire to a packet's body. */
export interface PacketOpener {
  /** Bytes that must be there before the length can be read. */
  readonly headLength: number
  readonly tagLength: number
  /** Called once per packet. @param head the first `headLength` bytes */
  readLength(head: Buffer): number
  /** @param packet everything from length to tag @returns padding length, payload, padding @throws when it was changed */
  open(packet: Buffer, sequence: number): Buffer
}

/** A packet in clear to bytes for the wire. */
export interface PacketSealer {
  /** The padded part is a multiple of it. */
  readonly blockLength: number
  /** Whether the four bytes of length are padded too. */
  readonly padsLength: boolean
  readonly tagLength: number
  /** @returns parts to write one after another; the first may be a view of `packet` */
  seal(packet: Buffer, sequence: number): readonly Buffer[]
}

/** Before the first keys. */
export const CLEAR: PacketOpener & PacketSealer = {
  headLength: 4,
  tagLength: 0,
  blockLength: 8,
  padsLength: true,
  readLength: head => head.readUInt32BE(0),
  open: packet => packet.subarray(4),
  seal: packet => [packet],
}
