import type { Duplex } from 'node:stream'
import { readPacket, UNKNOWN_ERROR, type MysqlError, type ReadPacket } from '../../wire/mysql.ts'

/** What a client is told, in MySQL's form, before the connection ends. */
export class MysqlRefusal extends Error {
  override readonly name = 'MysqlRefusal'
  readonly error: MysqlError

  constructor(error: MysqlError) {
    super(error.message)
    this.error = error
  }
}

export const refusedWith = (message: string): MysqlRefusal => new MysqlRefusal({ code: UNKNOWN_ERROR, sqlState: 'HY000', message })

export const BAD_ANSWER = 'failed to handle MySQL client connection'

/** The other side went away or said nothing in time: no answer is due. */
export class Silence extends Error {
  override readonly name = 'Silence'
}

/** Packets of the connection phase, one after the other, with the sequence number that the next answer has. */
export class PacketStream {
  #stream: Duplex
  readonly #inOrder: boolean
  #sequence = 0

  /** @param inOrder whether sequence numbers must go on */
  constructor(stream: Duplex, inOrder: boolean) {
    this.#stream = stream
    this.#inOrder = inOrder
  }

  moveTo(stream: Duplex): void {
    this.#stream = stream
  }

  next(): number {
    return (this.#sequence + 1) & 0xff
  }

  write(packet: Buffer): void {
    this.#sequence = packet[3]!
    if (this.#stream.writable) this.#stream.write(packet)
  }

  /** The next packet's payload; bytes behind it stay in the stream. @throws MysqlRefusal, Silence */
  read(deadlineMs: number): Promise<Buffer> {
    const stream = this.#stream
    return new Promise((resolve, reject) => {
      let bytes: Buffer = Buffer.alloc(0)
      const settle = (done: () => void): void => {
        clearTimeout(timer)
        stream.off('data', take).off('end', gone).off('close', gone).pause()
        done()
      }
      const gone = (): void => settle(() => reject(new Silence()))
      const take = (chunk: Buffer): void => {
        bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
        const found: ReadPacket = readPacket(bytes)
        if (found.state === 'more') return
        if (found.state === 'too-long') return settle(() => reject(refusedWith(BAD_ANSWER)))
        if (this.#inOrder && found.sequence !== this.next()) {
          return settle(() => reject(refusedWith(`invalid sequence ${found.sequence} != ${this.next()}`)))
        }
        this.#sequence = found.sequence
        const rest = bytes.subarray(found.length)
        settle(() => resolve(found.payload))
        if (rest.length > 0) stream.unshift(rest)
      }
      const timer = setTimeout(gone, deadlineMs)
      if (stream.destroyed || stream.readableEnded) return gone()
      stream.on('data', take).once('end', gone).once('close', gone).resume()
    })
  }
}
