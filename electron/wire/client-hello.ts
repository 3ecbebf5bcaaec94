/** What a router reads from a ClientHello before anybody answers it. RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1. */
export interface ClientHello {
  /** As the client wrote it; absent = no server_name extension. */
  readonly sni?: string
  /** In the client's order; `[]` = no extension. One character a byte: names are compared byte for byte. */
  readonly alpn: readonly string[]
}

export type PeekedClientHello =
  | { readonly state: 'more' }
  | { readonly state: 'hello'; readonly hello: ClientHello }
  | { readonly state: 'refused'; readonly why: string }

/** Bytes on the wire, record headers included. The largest real hello (post-quantum key share, resumption ticket) has about 4 KiB. */
export const CLIENT_HELLO_LIMIT = 16_384

const RECORD_HEADER = 5
const MESSAGE_HEADER = 4
const HANDSHAKE_RECORD = 22
const CLIENT_HELLO = 1
const SERVER_NAME = 0
const ALPN_EXTENSION = 16

const MORE: PeekedClientHello = { state: 'more' }
const refused = (why: string): PeekedClientHello => ({ state: 'refused', why })

/**
 * Reads the first TLS message of a connection without consuming it; give it everything that has come so far. The message may span
 * several records (RFC 8446 5.1); what follows it is not looked at.
 */
export function readClientHello(bytes: Uint8Array): PeekedClientHello {
  const message = new Message(bytes)
  for (let record = 0; ;) {
    // Headers are judged as they come: a stranger who speaks something else is told at once, not at the deadline.
    if (record < bytes.length && bytes[record] !== HANDSHAKE_RECORD) return refused('no handshake record')
    if (record + 1 < bytes.length && bytes[record + 1] !== 3) return refused('no TLS version')
    const start = record + RECORD_HEADER
    const end = bytes.length < start ? start : start + bytes[record + 3]! * 256 + bytes[record + 4]!
    if (end > CLIENT_HELLO_LIMIT) return refused('longer than 16 KiB')
    if (end > bytes.length) return MORE
    if (end === start) return refused('empty record')
    message.add(start, end)
    if (message.first !== CLIENT_HELLO) return refused('no ClientHello')
    const announced = message.announced
    if (announced > CLIENT_HELLO_LIMIT) return refused('longer than 16 KiB')
    if (message.length >= announced) return readHello(message.whole(announced))
    record = end
  }
}

/** The handshake message as pieces of the records that carry it; joined only once it is whole. */
class Message {
  readonly #bytes: Uint8Array
  readonly #pieces: [start: number, end: number][] = []
  length = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  add(start: number, end: number): void {
    this.#pieces.push([start, end])
    this.length += end - start
  }

  get first(): number | undefined {
    const piece = this.#pieces[0]
    return piece && this.#bytes[piece[0]]
  }

  /** Length with its header; before the header is whole: the header's. */
  get announced(): number {
    if (this.length < MESSAGE_HEADER) return MESSAGE_HEADER
    const header = this.whole(MESSAGE_HEADER)
    return MESSAGE_HEADER + header[1]! * 65_536 + header[2]! * 256 + header[3]!
  }

  /** The first `length` bytes: a view when one record holds them. */
  whole(length: number): Uint8Array {
    const [start, end] = this.#pieces[0]!
    if (end - start >= length) return this.#bytes.subarray(start, start + length)
    const joined = new Uint8Array(length)
    let filled = 0
    for (const [from, to] of this.#pieces) {
      const take = Math.min(to - from, length - filled)
      joined.set(this.#bytes.subarray(from, from + take), filled)
      filled += take
      if (filled === length) break
    }
    return joined
  }
}

function readHello(message: Uint8Array): PeekedClientHello {
  const reader = new Reader(message, MESSAGE_HEADER, message.length)
  reader.skip(2 + 32) // legacy_version, random
  reader.vector(1) // legacy_session_id
  reader.vector(2) // cipher_suites
  reader.vector(1) // legacy_compression_methods
  if (!reader.ok) return refused('malformed ClientHello')
  if (reader.left === 0) return { state: 'hello', hello: { alpn: [] } }
  const extensions = reader.vector(2)
  if (!reader.ok || reader.left !== 0) return refused('malformed ClientHello')
  let sni: string | undefined
  let alpn: readonly string[] | undefined
  while (extensions.left > 0) {
    const type = extensions.number(2)
    const body = extensions.vector(2)
    if (!extensions.ok) return refused('malformed extensions')
    if (type === SERVER_NAME) {
      if (sni !== undefined) return refused('two server_name extensions')
      sni = readServerName(body)
      if (sni === undefined) return refused('malformed server_name')
    } else if (type === ALPN_EXTENSION) {
      if (alpn !== undefined) return refused('two ALPN extensions')
      alpn = readAlpn(body)
      if (alpn === undefined) return refused('malformed ALPN')
    }
  }
  return { state: 'hello', hello: { ...(sni === undefined ? {} : { sni }), alpn: alpn ?? [] } }
}

/** Exactly one host name, as every client sends it. */
function readServerName(extension: Reader): string | undefined {
  const list = extension.vector(2)
  const type = list.number(1)
  const name = list.vector(2)
  if (!extension.ok || !list.ok || extension.left !== 0 || list.left !== 0 || type !== 0 || name.left === 0) return undefined
  return name.text()
}

function readAlpn(extension: Reader): readonly string[] | undefined {
  const list = extension.vector(2)
  if (!extension.ok || extension.left !== 0 || list.left === 0) return undefined
  const names: string[] = []
  while (list.left > 0) {
    const name = list.vector(1)
    if (!list.ok || name.left === 0) return undefined
    names.push(name.text())
  }
  return names
}

/** Reads forward within bounds. A read past the end yields zeros and turns `ok` false, for good. */
class Reader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number
  ok = true

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get left(): number {
    return this.#end - this.#at
  }

  skip(count: number): void {
    if (count > this.left) this.ok = false
    else this.#at += count
  }

  number(size: 1 | 2): number {
    const at = this.#at
    this.skip(size)
    if (!this.ok) return 0
    return size === 1 ? this.#bytes[at]! : this.#bytes[at]! * 256 + this.#bytes[at + 1]!
  }

  /** A length of `size` bytes and that much content. */
  vector(size: 1 | 2): Reader {
    const length = this.number(size)
    const start = this.#at
    this.skip(length)
    return this.ok ? new Reader(this.#bytes, start, start + length) : new Reader(this.#bytes, 0, 0)
  }

  text(): string {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, this.left).toString('latin1')
  }
}
