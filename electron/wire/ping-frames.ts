/**
 * The framing of `…-ping` connections: uint32 length, big endian, then that many bytes; length 0 is a ping. It keeps load balancers
 * from closing idle connections. Frame bounds mean nothing. wire/alpn-sni.md 6; Teleport: lib/srv/alpnproxy/conn.go.
 */
const HEADER = 4

/** A ping; the reader drops it, nobody answers. */
export const PING_FRAME: Buffer = Buffer.alloc(HEADER)

/** What goes before `length` bytes of payload. Never for an empty write: that would be a ping. */
export function pingFrameHeader(length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER)
  header.writeUInt32BE(length)
  return header
}

/**
 * Takes frames apart without copying or collecting: payload parts are slices of the chunk, handed out as they come, so the announced
 * length costs no memory. Every database byte passes here.
 */
export class PingFrameReader {
  #header = 0
  #headerBytes = 0
  #payloadLeft = 0

  push(chunk: Buffer, payload: (part: Buffer) => void): void {
    const end = chunk.length
    let at = 0
    while (at < end) {
      if (this.#payloadLeft > 0) {
        const start = at
        at = Math.min(end, start + this.#payloadLeft)
        this.#payloadLeft -= at - start
        payload(at - start === end ? chunk : chunk.subarray(start, at))
      } else if (this.#headerBytes === 0 && end - at >= HEADER) {
        this.#payloadLeft = chunk.readUInt32BE(at)
        at += HEADER
      } else {
        this.#header = this.#header * 256 + chunk[at++]!
        if (++this.#headerBytes < HEADER) continue
        this.#payloadLeft = this.#header
        this.#header = this.#headerBytes = 0
      }
    }
  }

  /** True inside a header or a payload: an end of the stream here means that something is missing. */
  get midFrame(): boolean {
    return this.#headerBytes > 0 || this.#payloadLeft > 0
  }
}
