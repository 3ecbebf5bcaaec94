import { PorticoError } from '../../shared/errors.ts'
import { malformed } from './der.ts'

/** gRPC's own framing inside an HTTP/2 stream: one flag byte, four bytes of length, the message. grpc/doc/PROTOCOL-HTTP2.md */

export const GRPC_MESSAGE_LIMIT = 4 * 1024 * 1024

const HEADER = 5

export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, HEADER)
  return frame
}

export class GrpcFrameReader {
  readonly #limit: number
  #parts: Buffer[] = []
  #length = 0

  constructor(limit = GRPC_MESSAGE_LIMIT) {
    this.#limit = limit
  }

  /** True between messages: where a stream may end. */
  get atBoundary(): boolean {
    return this.#length === 0
  }

  /**
   * @returns the messages that `chunk` completes
   * @throws PorticoError wire/too-long (facts: length, limit) before anything of that length is kept; wire/malformed for compression
   */
  push(chunk: Buffer): readonly Buffer[] {
    this.#parts.push(chunk)
    this.#length += chunk.length
    const messages: Buffer[] = []
    while (this.#length >= HEADER) {
      const head = this.#peekHeader()
      if (head[0] !== 0) throw malformed('a gRPC message is compressed, which nobody agreed to')
      const length = head.readUInt32BE(1)
      if (length > this.#limit) throw new PorticoError('wire/too-long', { what: 'gRPC message', length, limit: this.#limit })
      if (this.#length < HEADER + length) break
      const joined = this.#join()
      messages.push(joined.subarray(HEADER, HEADER + length))
      this.#length -= HEADER + length
      this.#parts = this.#length === 0 ? [] : [joined.subarray(HEADER + length)]
    }
    return messages
  }

  #peekHeader(): Buffer {
    return this.#parts[0]!.length >= HEADER ? this.#parts[0]! : this.#join()
  }

  #join(): Buffer {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts, this.#length)]
    return this.#parts[0]!
  }
}
