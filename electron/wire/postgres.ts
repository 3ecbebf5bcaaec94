import { PorticoError } from '../../shared/errors.ts'

/**
 * The few Postgres messages that a proxy must understand; everything else is relayed as bytes.
 * postgresql.org/docs, "Message Formats"; integers are big endian. wire/database.md 4
 */
export type FirstPacket =
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gss' }
  | { readonly kind: 'cancel'; readonly processId: number; readonly secretKey: number }
  /** `parameters` is empty unless `major` is 3. */
  | { readonly kind: 'startup'; readonly major: number; readonly minor: number; readonly parameters: ReadonlyMap<string, string> }

export type ReadFirstPacket =
  | { readonly state: 'more' }
  | { readonly state: 'malformed'; readonly why: string }
  | { readonly state: 'packet'; readonly length: number; readonly packet: FirstPacket }

/** As PostgreSQL itself: MAX_STARTUP_PACKET_LENGTH in src/include/libpq/pqcomm.h. */
export const FIRST_PACKET_LIMIT = 10_000

const SSL_CODE = 80_877_103
const GSS_CODE = 80_877_104
const CANCEL_CODE = 80_877_102

export const SSL_REQUEST: Buffer = request(SSL_CODE)
export const GSS_REQUEST: Buffer = request(GSS_CODE)

const MORE: ReadFirstPacket = { state: 'more' }
const malformed = (why: string): ReadFirstPacket => ({ state: 'malformed', why })

/** The untyped packet that opens a connection. Give it everything that has come so far; `length` bytes of it are the packet. */
export function readFirstPacket(bytes: Uint8Array): ReadFirstPacket {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (buffer.length < 4) return MORE
  const length = buffer.readUInt32BE(0)
  if (length < 8 || length > FIRST_PACKET_LIMIT) return malformed(`length ${length}`)
  if (buffer.length < 8) return MORE
  const code = buffer.readUInt32BE(4)
  const fixed = code === SSL_CODE || code === GSS_CODE ? 8 : code === CANCEL_CODE ? 16 : undefined
  if (fixed !== undefined && length !== fixed) return malformed(`length ${length} of request ${code}`)
  if (buffer.length < length) return MORE
  const packet = readPacket(code, buffer.subarray(0, length))
  return packet === undefined ? malformed('startup parameters') : { state: 'packet', length, packet }
}

function readPacket(code: number, buffer: Buffer): FirstPacket | undefined {
  if (code === SSL_CODE) return { kind: 'ssl' }
  if (code === GSS_CODE) return { kind: 'gss' }
  if (code === CANCEL_CODE) return { kind: 'cancel', processId: buffer.readUInt32BE(8), secretKey: buffer.readUInt32BE(12) }
  const [major, minor] = [code >>> 16, code & 0xffff]
  const parameters = major === 3 ? readParameters(buffer.subarray(8)) : new Map<string, string>()
  return parameters && { kind: 'startup', major, minor, parameters }
}

/** name\0value\0 …, closed by one more \0. */
function readParameters(buffer: Buffer): Map<string, string> | undefined {
  const parameters = new Map<string, string>()
  for (let at = 0; ;) {
    if (at === buffer.length - 1 && buffer[at] === 0) return parameters
    const nameEnd = buffer.indexOf(0, at)
    const valueEnd = nameEnd <= at ? -1 : buffer.indexOf(0, nameEnd + 1)
    if (valueEnd < 0) return undefined
    parameters.set(buffer.toString('utf8', at, nameEnd), buffer.toString('utf8', nameEnd + 1, valueEnd))
    at = valueEnd + 1
  }
}

function request(code: number, ...more: readonly number[]): Buffer {
  const packet = Buffer.allocUnsafe(8 + more.length * 4)
  packet.writeUInt32BE(packet.length, 0)
  packet.writeUInt32BE(code, 4)
  more.forEach((value, index) => packet.writeUInt32BE(value >>> 0, 8 + index * 4))
  return packet
}

export function encodeCancel(processId: number, secretKey: number): Buffer {
  return request(CANCEL_CODE, processId, secretKey)
}

/**
 * StartupMessage of protocol 3.0.
 * @throws PorticoError `wire/malformed` for a NUL inside a name or value or an empty name, `wire/too-long`
 */
export function encodeStartup(parameters: ReadonlyMap<string, string> | Readonly<Record<string, string>>): Buffer {
  const pairs = parameters instanceof Map ? [...parameters] : Object.entries(parameters)
  for (const [name, value] of pairs) {
    if (name === '' || name.includes('\0') || value.includes('\0')) throw new PorticoError('wire/malformed', { why: 'startup parameter' })
  }
  const body = Buffer.from(`${pairs.map(([name, value]) => `${name}\0${value}\0`).join('')}\0`, 'utf8')
  if (body.length + 8 > FIRST_PACKET_LIMIT) throw new PorticoError('wire/too-long', { why: 'startup parameters' })
  const head = Buffer.allocUnsafe(8)
  head.writeUInt32BE(8 + body.length, 0)
  head.writeUInt32BE(3 << 16, 4)
  return Buffer.concat([head, body])
}

function message(type: string, body: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(5 + body.length)
  whole.write(type, 0, 'latin1')
  whole.writeUInt32BE(4 + body.length, 1)
  body.copy(whole, 5)
  return whole
}

const cString = (text: string): string => `${text.replaceAll('\0', '')}\0`

/** ErrorResponse. Without severity and code it has Teleport's shape: only `M`, which drivers accept. wire/database.md 4.4 */
export function errorResponse(error: { readonly message: string; readonly severity?: string; readonly code?: string }): Buffer {
  const severity = error.severity === undefined ? '' : `S${cString(error.severity)}`
  const code = error.code === undefined ? '' : `C${cString(error.code)}`
  return message('E', Buffer.from(`${severity}${code}M${cString(error.message)}\0`, 'utf8'))
}

/** Fields of an ErrorResponse or NoticeResponse by their one-letter type (`S C M D …`). */
export function readErrorResponse(body: Buffer): Map<string, string> {
  const fields = new Map<string, string>()
  for (let at = 0; at < body.length && body[at] !== 0;) {
    const end = body.indexOf(0, at + 1)
    if (end < 0) break
    fields.set(String.fromCharCode(body[at]!), body.toString('utf8', at + 1, end))
    at = end + 1
  }
  return fields
}

export function authenticationOk(): Buffer {
  return message('R', Buffer.alloc(4))
}

export function backendKeyData(processId: number, secretKey: number): Buffer {
  const body = Buffer.allocUnsafe(8)
  body.writeUInt32BE(processId >>> 0, 0)
  body.writeUInt32BE(secretKey >>> 0, 4)
  return message('K', body)
}

export function parameterStatus(name: string, value: string): Buffer {
  return message('S', Buffer.from(cString(name) + cString(value), 'utf8'))
}

/** `I` idle, `T` in a transaction, `E` in a failed one. */
export function readyForQuery(status: 'I' | 'T' | 'E'): Buffer {
  return message('Z', Buffer.from(status, 'latin1'))
}

export interface Message {
  readonly type: string
  readonly body: Buffer
  /** With type and length, as it came. */
  readonly whole: Buffer
}

/** Cuts a stream into typed messages. For the few messages around the start of a session; afterwards bytes are relayed as they are. */
export class MessageReader {
  readonly #limit: number
  #chunks: Buffer[] = []
  #length = 0

  /** @param limit longest message taken, in bytes, type and length included */
  constructor(limit = 1_048_576) {
    this.#limit = limit
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /**
   * @returns the next whole message, or undefined when more bytes are needed
   * @throws PorticoError `wire/too-long` as soon as the length is known, `wire/malformed`
   */
  next(): Message | undefined {
    if (this.#length < 5) return undefined
    const head = this.#first(5)
    const length = 1 + head.readUInt32BE(1)
    if (length < 5) throw new PorticoError('wire/malformed', { why: `message of length ${length - 1}` })
    if (length > this.#limit) throw new PorticoError('wire/too-long', { why: `message of ${length} bytes`, limit: this.#limit })
    if (this.#length < length) return undefined
    const first = this.#first(length)
    const whole = first.subarray(0, length)
    this.#chunks[0] = first.subarray(length)
    if (this.#chunks[0].length === 0) this.#chunks.shift()
    this.#length -= length
    return { type: String.fromCharCode(whole[0]!), body: whole.subarray(5), whole }
  }

  /** Everything that was pushed and not yet returned; the reader is empty afterwards. For the change to relaying. */
  rest(): Buffer {
    const rest = Buffer.concat(this.#chunks, this.#length)
    this.#chunks = []
    this.#length = 0
    return rest
  }

  /** The first chunk, joined with those after it until it has `length` bytes. Joined once only: not again for every small chunk. */
  #first(length: number): Buffer {
    const first = this.#chunks[0]!
    if (first.length >= length) return first
    const joined = this.rest()
    this.push(joined)
    return joined
  }
}
