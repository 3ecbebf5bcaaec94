import type { Duplex } from 'node:stream'

const LENGTH_BYTES = 4

/**
 * Copies what a MongoDB server answers, and lets answers of our own in between: never inside one of the server's. Every message
 * begins with its own length. Back-pressure kept.
 */
export class ReplyGate {
  readonly #client: Duplex
  readonly #waiting: Buffer[] = []
  /** Bytes of the current message that are still to come. */
  #left = 0
  /** The beginning of a length, already sent on. */
  #length: Buffer = Buffer.alloc(0)
  /** Resolves when the server has ended, or is gone. */
  readonly ended: Promise<void>

  constructor(server: Duplex, client: Duplex) {
    this.#client = client
    this.ended = new Promise(resolve => server.once('end', resolve).once('close', resolve))
    server.on('data', (chunk: Buffer) => {
      this.#push(chunk)
      if (!client.writableNeedDrain) return
      server.pause()
      client.once('drain', () => server.resume())
    })
    server.resume()
  }

  /** Sends it as soon as no message of the server is half sent. */
  insert(answer: Buffer): void {
    this.#waiting.push(answer)
    this.#flush()
  }

  #flush(): void {
    if (this.#left > 0 || this.#length.length > 0 || !this.#client.writable) return
    for (const answer of this.#waiting.splice(0)) this.#client.write(answer)
  }

  #push(chunk: Buffer): void {
    let [at, sent] = [0, 0]
    while (at < chunk.length) {
      if (this.#left === 0) {
        const part = chunk.subarray(at, at + LENGTH_BYTES - this.#length.length)
        this.#length = this.#length.length === 0 ? part : Buffer.concat([this.#length, part])
        at += part.length
        if (this.#length.length < LENGTH_BYTES) break
        // A length that cannot be is the client's to judge.
        this.#left = Math.max(0, this.#length.readInt32LE(0) - LENGTH_BYTES)
        this.#length = Buffer.alloc(0)
      }
      const taken = Math.min(this.#left, chunk.length - at)
      this.#left -= taken
      at += taken
      if (this.#left > 0 || this.#waiting.length === 0) continue
      this.#write(chunk.subarray(sent, at))
      sent = at
      this.#flush()
    }
    this.#write(sent === 0 ? chunk : chunk.subarray(sent))
  }

  #write(part: Buffer): void {
    if (part.length > 0 && this.#client.writable) this.#client.write(part)
  }
}
