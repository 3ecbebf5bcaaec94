import { ALPN, PING_SUFFIX } from '../../shared/protocols.ts'

/**
 * The MySQL packets around the start of a session; afterwards bytes are relayed. Integers are little endian.
 * dev.mysql.com/doc/dev/mysql-server, "Connection Phase"; wire/database.md 5
 */

/** 3 bytes of length, one of sequence. */
const HEADER = 4
/** A client's answer holds a user, a database and connection attributes; MySQL itself stops at 64 KiB of these. */
export const HANDSHAKE_LIMIT = 70_000

export const CAPABILITY = {
  longPassword: 0x1,
  foundRows: 0x2,
  longFlag: 0x4,
  connectWithDatabase: 0x8,
  noSchema: 0x10,
  odbc: 0x40,
  localFiles: 0x80,
  ignoreSpace: 0x100,
  protocol41: 0x200,
  interactive: 0x400,
  ssl: 0x800,
  transactions: 0x2000,
  secureConnection: 0x8000,
  multiStatements: 0x1_0000,
  multiResults: 0x2_0000,
  psMultiResults: 0x4_0000,
  pluginAuth: 0x8_0000,
  lenencAuthData: 0x20_0000,
} as const

/** LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH, CONNECT_ATTRS, lenenc. [captured] */
const SERVER_CAPABILITIES = 0x38_a20d
const CHARSET_UTF8 = 33
export const NATIVE_PASSWORD = 'mysql_native_password'
export const SALT_LENGTH = 20

export type ReadPacket =
  | { readonly state: 'more' }
  | { readonly state: 'too-long' }
  /** `length`: with its header. */
  | { readonly state: 'packet'; readonly length: number; readonly sequence: number; readonly payload: Buffer }

/** The packet that `bytes` begin with; give it everything that has come so far. */
export function readPacket(bytes: Buffer, limit = HANDSHAKE_LIMIT): ReadPacket {
  if (bytes.length < HEADER) return { state: 'more' }
  const length = HEADER + bytes.readUIntLE(0, 3)
  if (length > limit) return { state: 'too-long' }
  if (bytes.length < length) return { state: 'more' }
  return { state: 'packet', length, sequence: bytes[3]!, payload: bytes.subarray(HEADER, length) }
}

export function encodePacket(sequence: number, payload: Buffer): Buffer {
  const packet = Buffer.allocUnsafe(HEADER + payload.length)
  packet.writeUIntLE(payload.length, 0, 3)
  packet[3] = sequence & 0xff
  payload.copy(packet, HEADER)
  return packet
}

/**
 * HandshakeV10, the server's first word.
 * @param greeting.salt {@link SALT_LENGTH} bytes without zeros
 * @param greeting.tls whether the client may start TLS
 */
export function encodeGreeting(greeting: {
  readonly version: string
  readonly connectionId: number
  readonly salt: Buffer
  readonly tls: boolean
}): Buffer {
  const { salt } = greeting
  const capabilities = SERVER_CAPABILITIES | (greeting.tls ? CAPABILITY.ssl : 0)
  const fixed = Buffer.alloc(4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10)
  fixed.writeUInt32LE(greeting.connectionId >>> 0, 0)
  salt.copy(fixed, 4, 0, 8)
  fixed.writeUInt16LE(capabilities & 0xffff, 13)
  fixed[15] = CHARSET_UTF8
  fixed.writeUInt16LE(capabilities >>> 16, 18)
  fixed[20] = SALT_LENGTH + 1
  return encodePacket(
    0,
    Buffer.concat([Buffer.from([10]), cString(greeting.version), fixed, salt.subarray(8), Buffer.from([0]), cString(NATIVE_PASSWORD)]),
  )
}

export interface HandshakeResponse {
  readonly kind: 'response'
  readonly user: string
  readonly authData: Buffer
  /** '' = none */
  readonly database: string
  /** '' = none named, which means {@link NATIVE_PASSWORD}. */
  readonly plugin: string
  readonly capabilities: number
  /** The collation's number, its low byte. */
  readonly charset: number
}

/** What answers a greeting. @returns undefined when it is cut short or of the protocol before 4.1 */
export function readHandshakeResponse(payload: Buffer): { readonly kind: 'ssl' } | HandshakeResponse | undefined {
  if (payload.length < 32) return undefined
  const capabilities = payload.readUInt32LE(0)
  const has = (flag: number): boolean => (capabilities & flag) !== 0
  if (!has(CAPABILITY.protocol41)) return undefined
  if (payload.length === 32) return has(CAPABILITY.ssl) ? { kind: 'ssl' } : undefined
  const reader = new Reader(payload, 32)
  const user = reader.text()
  const authData = has(CAPABILITY.lenencAuthData)
    ? reader.lenenc()
    : has(CAPABILITY.secureConnection)
      ? reader.bytes(reader.byte())
      : reader.zeroEnded()
  const database = has(CAPABILITY.connectWithDatabase) && !reader.atEnd ? reader.text() : ''
  const plugin = has(CAPABILITY.pluginAuth) && !reader.atEnd ? reader.lastText() : ''
  return reader.ok ? { kind: 'response', user, authData, database, plugin, capabilities, charset: payload[8]! } : undefined
}

/** Asks a client that named another plugin to use this one. */
export function encodeAuthSwitch(sequence: number, salt: Buffer): Buffer {
  return encodePacket(sequence, Buffer.concat([Buffer.from([0xfe]), cString(NATIVE_PASSWORD), salt, Buffer.from([0])]))
}

/** OK of a server that has neither status nor warnings. [captured] */
export function encodeOk(sequence: number): Buffer {
  return encodePacket(sequence, Buffer.alloc(7))
}

/**
 * An agent's OK to its proxy: no capabilities are agreed on between the two. [captured] Where it says which row was inserted last, which is
 * none, Portico's agent says which connection of the database the client has: Teleport's proxy does not look.
 */
export function encodeAgentOk(thread: number): Buffer {
  const payload = Buffer.alloc(11)
  payload[2] = 0xfe
  payload.writeUInt32LE(thread >>> 0, 3)
  return encodePacket(0, payload)
}

/** ER_UNKNOWN_ERROR: what a Teleport error is to a MySQL client. */
export const UNKNOWN_ERROR = 1_105

export interface MysqlError {
  readonly code: number
  readonly message: string
  /** Five characters. */
  readonly sqlState: string
}

/** @param withState whether the client has said that it speaks PROTOCOL_41 */
export function encodeError(sequence: number, { code, message, sqlState }: MysqlError, withState = true): Buffer {
  const head = Buffer.from([0xff, code & 0xff, code >>> 8])
  return encodePacket(sequence, Buffer.concat([head, Buffer.from(withState ? `#${sqlState}${message}` : message, 'utf8')]))
}

/** What the first bytes of a client's answer say, even when the rest cannot be read. */
export function speaksProtocol41(payload: Buffer): boolean {
  return payload.length >= 4 && (payload.readUInt32LE(0) & CAPABILITY.protocol41) !== 0
}

/** A server's first answer after authentication; `thread` as {@link encodeAgentOk} says it. Errors come with a state (PROTOCOL_41) or without: an agent negotiated nothing. */
export function readOkOrError(
  payload: Buffer,
): { readonly kind: 'ok'; readonly thread?: number } | { readonly kind: 'error'; readonly error: MysqlError } | undefined {
  if (payload[0] === 0)
    return payload[2] === 0xfe && payload.length === 11 ? { kind: 'ok', thread: payload.readUInt32LE(3) } : { kind: 'ok' }
  if (payload[0] !== 0xff || payload.length < 3) return undefined
  const code = payload.readUInt16LE(1)
  const hasState = payload[3] === 0x23 && payload.length >= 9
  const sqlState = hasState ? payload.toString('latin1', 4, 9) : 'HY000'
  return { kind: 'error', error: { code, sqlState, message: payload.toString('utf8', hasState ? 9 : 3) } }
}

const VERSION_PREFIX = `${ALPN.mysql}-`

/**
 * The server version that a local proxy puts into its offer, base64 after the name. wire/alpn-sni.md 1.5
 * @returns undefined when none of the names carries one
 */
export function versionFromAlpn(offered: readonly string[]): string | undefined {
  for (const name of offered) {
    if (name.endsWith(PING_SUFFIX) || !name.startsWith(VERSION_PREFIX) || name.length === VERSION_PREFIX.length) continue
    const encoded = name.slice(VERSION_PREFIX.length, 255)
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) continue
    return Buffer.from(encoded, 'base64').toString('utf8')
  }
  return undefined
}

const cString = (text: string): Buffer => Buffer.from(`${text.replaceAll('\0', '')}\0`, 'utf8')

/** Reads forward within bounds. A read past the end yields nothing and turns `ok` false, for good. */
class Reader {
  readonly #buffer: Buffer
  #at: number
  ok = true

  constructor(buffer: Buffer, at: number) {
    this.#buffer = buffer
    this.#at = at
  }

  get atEnd(): boolean {
    return this.#at >= this.#buffer.length
  }

  byte(): number {
    return this.bytes(1)[0] ?? 0
  }

  bytes(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#buffer.length) this.ok = false
    const found = this.ok ? this.#buffer.subarray(this.#at, end) : Buffer.alloc(0)
    this.#at = end
    return found
  }

  zeroEnded(): Buffer {
    const end = this.#buffer.indexOf(0, this.#at)
    if (end < 0) this.ok = false
    const found = this.ok ? this.#buffer.subarray(this.#at, end) : Buffer.alloc(0)
    this.#at = end + 1
    return found
  }

  text(): string {
    return this.zeroEnded().toString('utf8')
  }

  /** Some clients leave out the zero of the last field. */
  lastText(): string {
    const end = this.#buffer.indexOf(0, this.#at)
    return end < 0 ? this.bytes(this.#buffer.length - this.#at).toString('utf8') : this.text()
  }

  /** A length-encoded string; no authentication data is longer than its one- and two-byte forms can say. */
  lenenc(): Buffer {
    const first = this.byte()
    if (first < 0xfb) return this.bytes(first)
    const length = this.bytes(2)
    if (first !== 0xfc || length.length < 2) this.ok = false
    return this.bytes(this.ok ? length.readUInt16LE() : 0)
  }
}
