import { randomBytes } from 'node:crypto'
import { Duplex } from 'node:stream'
import { OPCODE } from '../../../electron/wire/websocket.ts'

export interface ServerFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** A client's frame, masked. */
export function clientFrame(opcode: number, payload: Buffer, mask: Buffer = randomBytes(4), fin = true): Buffer {
  const extra = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8
  const head = Buffer.alloc(2 + extra)
  head[0] = (fin ? 0x80 : 0) | opcode
  head[1] = 0x80 | (extra === 0 ? payload.length : extra === 2 ? 126 : 127)
  if (extra === 2) head.writeUInt16BE(payload.length, 2)
  else if (extra === 8) head.writeBigUInt64BE(BigInt(payload.length), 2)
  const masked = Buffer.from(payload.map((byte, at) => byte ^ mask[at & 3]!))
  return Buffer.concat([head, mask, masked])
}

/** Cuts what a server sent into frames; servers never mask. @returns what is left over */
export function readServerFrames(bytes: Buffer, frames: (frame: ServerFrame) => void): Buffer {
  let rest = bytes
  while (rest.length >= 2) {
    const short = rest[1]! & 0x7f
    const at = short < 126 ? 2 : short === 126 ? 4 : 10
    if ((rest[1]! & 0x80) !== 0) throw new Error('a server that masks')
    if (rest.length < at) break
    const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2))
    if (rest.length < at + length) break
    frames({ opcode: rest[0]! & 0x0f, payload: rest.subarray(at, at + length) })
    rest = rest.subarray(at + length)
  }
  return rest
}

/** The client's end: bytes in binary messages, cut in two by a continuation now and then. */
export class WebSocketClient extends Duplex {
  readonly #stream: Duplex
  readonly #mask: () => Buffer
  #rest: Buffer = Buffer.alloc(0)
  readonly pings: Buffer[] = []
  closeStatus: number | undefined = undefined

  constructor(stream: Duplex, mask: 'zero' | 'random') {
    super()
    this.#stream = stream
    this.#mask = mask === 'zero' ? () => Buffer.alloc(4) : () => randomBytes(4)
    stream.on('data', (chunk: Buffer) => {
      this.#rest = readServerFrames(Buffer.concat([this.#rest, chunk]), ({ opcode, payload }) => this.#frame(opcode, payload))
    })
    stream.on('error', error => this.destroy(error)).once('close', () => this.destroy())
    stream.resume()
  }

  #frame(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.binary) this.push(payload)
    if (opcode === OPCODE.ping) {
      this.pings.push(payload)
      this.#stream.write(clientFrame(OPCODE.pong, payload, this.#mask()))
    }
    if (opcode !== OPCODE.close) return
    this.closeStatus = payload.readUInt16BE()
    this.#stream.write(clientFrame(OPCODE.close, payload, this.#mask()))
    this.push(null)
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const half = chunk.length >> 1
    this.#stream.write(clientFrame(OPCODE.binary, chunk.subarray(0, half), this.#mask(), false))
    this.#stream.write(clientFrame(OPCODE.continuation, chunk.subarray(half), this.#mask()))
    done()
  }

  override _final(done: () => void): void {
    if (this.closeStatus === undefined) this.#stream.write(clientFrame(OPCODE.close, Buffer.from([3, 232]), this.#mask()))
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stream.destroy()
    done(error)
  }
}
