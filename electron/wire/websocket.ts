import { createHash } from 'node:crypto'
import { PorticoError } from '../../shared/errors.ts'

/** The server's side of WebSocket frames. RFC 6455 5; messages mean nothing here: payload is passed on as it comes. */

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Status codes of a close frame. RFC 6455 7.4.1 */
export const CLOSE = { normal: 1_000, protocolError: 1_002, unsupported: 1_003 } as const

/** A control frame may hold no more. RFC 6455 5.5 */
const CONTROL_LIMIT = 125

export interface FrameSink {
  /** Payload of binary messages, a slice of the chunk that was pushed, unmasked in place. */
  data(part: Buffer): void
  /** A whole control frame. */
  control(opcode: number, payload: Buffer): void
}

/** What goes before `length` bytes of one unfragmented frame; never masked: servers do not. */
export function frameHeader(opcode: number, length: number): Buffer {
  const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const header = Buffer.allocUnsafe(2 + extra)
  header[0] = 0x80 | opcode
  header[1] = extra === 0 ? length : extra === 2 ? 126 : 127
  if (extra === 2) header.writeUInt16BE(length, 2)
  else if (extra === 8) header.writeBigUInt64BE(BigInt(length), 2)
  return header
}

/** @param payload 125 bytes at most */
export function controlFrame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([frameHeader(opcode, payload.length), payload])
}

export function closeFrame(status: number, reason = ''): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason))
  payload.writeUInt16BE(status)
  payload.write(reason, 2)
  return controlFrame(OPCODE.close, payload)
}

/** `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`. RFC 6455 4.2.2 */
export function acceptKey(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

/** Takes a client's frames apart. The announced length costs no memory: payload is handed out as it comes. */
export class FrameReader {
  readonly #sink: FrameSink
  /** Head of the next frame, while it is not whole. */
  #head: Buffer = Buffer.alloc(0)
  #opcode = 0
  #mask: Buffer = Buffer.alloc(4)
  #masked = false
  #left = 0
  #passed = 0
  #control: Buffer[] | undefined
  #inMessage = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** @throws PorticoError `wire/malformed` when the client breaks the protocol (facts.why); nothing may be pushed after that */
  push(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0) rest = this.#left > 0 ? this.#payload(rest) : this.#header(rest)
  }

  /** True inside a frame: an end of the stream here means that something is missing. */
  get midFrame(): boolean {
    return this.#left > 0 || this.#head.length > 0
  }

  #payload(bytes: Buffer): Buffer {
    const part = bytes.length <= this.#left ? bytes : bytes.subarray(0, this.#left)
    if (this.#masked) for (let at = 0; at < part.length; at++) part[at] = part[at]! ^ this.#mask[(this.#passed + at) & 3]!
    this.#passed += part.length
    this.#left -= part.length
    if (this.#control === undefined) this.#sink.data(part)
    else this.#control.push(part)
    if (this.#left === 0) this.#endFrame()
    return bytes.subarray(part.length)
  }

  #header(bytes: Buffer): Buffer {
    const before = this.#head.length
    const head = before === 0 ? bytes : Buffer.concat([this.#head, bytes])
    const length = head.length < 2 ? undefined : 2 + lengthBytes(head[1]!) + 4
    if (length === undefined || head.length < length) {
      this.#head = Buffer.from(head)
      // What is wrong in the first two bytes is told at once.
      if (head.length >= 2) this.#check(head[0]!, head[1]!)
      return head.subarray(head.length)
    }
    this.#head = Buffer.alloc(0)
    this.#check(head[0]!, head[1]!)
    this.#startFrame(head, length)
    return head.subarray(length)
  }

  #check(first: number, second: number): void {
    const opcode = first & 0x0f
    const isControl = opcode >= 8
    if ((first & 0x70) !== 0) throw malformed('reserved bits')
    // RFC 6455 5.1: a server closes on a frame without a mask. Teleport's clients use one of zeros.
    if ((second & 0x80) === 0) throw malformed('no mask')
    if (isControl && ((first & 0x80) === 0 || (second & 0x7f) > CONTROL_LIMIT)) throw malformed('control frame')
    if (!isControl && opcode !== OPCODE.binary && opcode !== OPCODE.continuation) throw malformed('no binary message')
    if (isControl && opcode > OPCODE.pong) throw malformed('unknown opcode')
    if (!isControl && this.#inMessage !== (opcode === OPCODE.continuation)) throw malformed('fragments out of order')
  }

  #startFrame(head: Buffer, length: number): void {
    this.#opcode = head[0]! & 0x0f
    const extra = lengthBytes(head[1]!)
    this.#left = extra === 0 ? head[1]! & 0x7f : extra === 2 ? head.readUInt16BE(2) : readLength(head)
    this.#mask = Buffer.from(head.subarray(length - 4, length))
    this.#masked = this.#mask.readUInt32BE() !== 0
    this.#passed = 0
    if (this.#opcode >= 8) this.#control = []
    else this.#inMessage = (head[0]! & 0x80) === 0
    if (this.#left === 0) this.#endFrame()
  }

  #endFrame(): void {
    if (this.#control === undefined) return
    const payload = Buffer.concat(this.#control)
    this.#control = undefined
    this.#sink.control(this.#opcode, payload)
  }
}

function lengthBytes(second: number): 0 | 2 | 8 {
  const length = second & 0x7f
  return length < 126 ? 0 : length === 126 ? 2 : 8
}

function readLength(head: Buffer): number {
  const length = head.readBigUInt64BE(2)
  if (length > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('length')
  return Number(length)
}

const malformed = (why: string): PorticoError => new PorticoError('wire/malformed', { why: `WebSocket: ${why}` })
