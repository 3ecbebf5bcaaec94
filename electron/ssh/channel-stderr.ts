import { Duplex } from 'node:stream'

/** Bytes of stderr that are kept for somebody who asks for them later. */
const KEPT = 64 * 1024

export interface StderrLink {
  writeStderr(data: Buffer, done: () => void): void
  wasRead(bytes: number): void
}

/** The second stream of a channel (extended data 1): what the peer's stderr says, and what we say on ours. */
export class ChannelStderr extends Duplex {
  readonly #link: StderrLink
  /** Bytes pushed while nobody read. */
  #unread = 0

  constructor(link: StderrLink) {
    super({ allowHalfOpen: true })
    this.#link = link
    // As for the channel itself: one that nobody watches must not end the process.
    this.on('error', () => {})
  }

  deliver(data: Buffer): void {
    if (this.destroyed || this.push(data)) this.#link.wasRead(data.length)
    else this.#unread += data.length
  }

  override _read(): void {
    if (this.#unread === 0) return
    const bytes = this.#unread
    this.#unread = 0
    this.#link.wasRead(bytes)
  }

  override _write(data: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#link.writeStderr(data, done)
  }
}

/** Keeps the first stderr bytes of a channel whose stderr nobody has asked for, and lets the rest go: it must not stop the data. */
export class UnaskedStderr {
  #parts: Buffer[] = []
  #length = 0

  add(data: Buffer): void {
    if (this.#length >= KEPT) return
    const part = Buffer.from(data.subarray(0, KEPT - this.#length))
    this.#parts.push(part)
    this.#length += part.length
  }

  take(): readonly Buffer[] {
    return this.#parts.splice(0)
  }
}
