import { PorticoError } from '../../shared/errors.ts'

/** A small DER reader and writer: what certificates, names and requests need, no more. X.690. */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

export function malformed(why: string): PorticoError {
  return new PorticoError('wire/malformed', { why })
}

export interface DerValue {
  readonly tag: number
  readonly content: Buffer
  /** Tag, length and content. */
  readonly whole: Buffer
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Walks the values of one constructed value; never reads past its end. Indefinite and over-long lengths are refused. */
export class DerReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = asBuffer(bytes)
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** Tag of the next value; undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at]
  }

  next(): DerValue {
    const bytes = this.#bytes
    const start = this.#at
    const tag = bytes[start]
    let length = bytes[start + 1]
    if (tag === undefined || length === undefined) throw malformed('DER value is cut short')
    if ((tag & 0x1f) === 0x1f) throw malformed('DER tag is too long')
    let at = start + 2
    if (length >= 0x80) {
      const size = length & 0x7f
      if (size === 0 || size > 4) throw malformed('DER length is not definite')
      if (at + size > bytes.length) throw malformed('DER value is cut short')
      length = bytes.readUIntBE(at, size)
      at += size
    }
    if (at + length > bytes.length) throw malformed('DER value is cut short')
    this.#at = at + length
    return { tag, content: bytes.subarray(at, at + length), whole: bytes.subarray(start, at + length) }
  }

  /** @throws PorticoError wire/malformed when the next value has another tag */
  expect(tag: number): DerValue {
    const value = this.next()
    if (value.tag !== tag) throw malformed(`DER tag ${tag} expected, not ${value.tag}`)
    return value
  }

  enter(tag: number): DerReader {
    return new DerReader(this.expect(tag).content)
  }

  /** The next value if it has this tag; otherwise nothing is read. */
  optional(tag: number): DerValue | undefined {
    return this.nextTag === tag ? this.next() : undefined
  }
}

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0
  for (const part of parts) length += part.length
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x1_0000
          ? [tag, 0x82, length >> 8, length & 0xff]
          : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff]
  return Buffer.concat([Buffer.from(head), ...parts])
}

export const derSequence = (...parts: readonly Uint8Array[]): Buffer => der(TAG.sequence, ...parts)

/** SET OF: DER wants its members ordered by their bytes, which puts shorter ones first. X.690 11.6 */
export const derSetOf = (...parts: readonly Uint8Array[]): Buffer => der(TAG.set, ...[...parts].sort(Buffer.compare))

/** A non-negative integer from its big-endian bytes. */
export function derInteger(magnitude: Uint8Array): Buffer {
  let start = 0
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++
  const bytes = magnitude.subarray(start)
  return (bytes[0] ?? 0) & 0x80
    ? der(TAG.integer, Buffer.from([0]), bytes)
    : der(TAG.integer, bytes.length === 0 ? Buffer.from([0]) : bytes)
}

export const derBoolean = (value: boolean): Buffer => der(TAG.boolean, Buffer.from([value ? 0xff : 0]))
export const derOctetString = (bytes: Uint8Array): Buffer => der(TAG.octetString, bytes)
export const derBitString = (bytes: Uint8Array, unusedBits = 0): Buffer => der(TAG.bitString, Buffer.from([unusedBits]), bytes)

export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const group = [arc & 0x7f]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) group.unshift((left % 128) | 0x80)
    bytes.push(...group)
  }
  return der(TAG.oid, Buffer.from(bytes))
}

export function readOid(content: Uint8Array): string {
  const arcs: number[] = []
  let arc = 0
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f)
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw malformed('OID is too long')
    if (byte & 0x80) continue
    if (arcs.length === 0) arcs.push(Math.min(Math.floor(arc / 40), 2), arc - Math.min(Math.floor(arc / 40), 2) * 40)
    else arcs.push(arc)
    arc = 0
  }
  return arcs.join('.')
}

/** The characters Go allows without a choice of type; `*` and `&` are in no PrintableString. Go: encoding/asn1 isPrintable. */
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/

/** PrintableString where it fits, else UTF8String, as Go writes names. */
export function derText(text: string): Buffer {
  return PRINTABLE.test(text) ? der(TAG.printableString, Buffer.from(text, 'latin1')) : der(TAG.utf8String, Buffer.from(text, 'utf8'))
}

/** Text of any ASN.1 string type; undefined when the value is no string. */
export function readText({ tag, content }: DerValue): string | undefined {
  switch (tag) {
    case TAG.utf8String:
      return content.toString('utf8')
    case TAG.printableString:
    case TAG.ia5String:
    case TAG.numericString:
    case TAG.visibleString:
    case TAG.teletexString: // T.61; everybody writes Latin-1 into it
      return content.toString('latin1')
    case TAG.bmpString:
      return content.length % 2 === 0 ? Buffer.from(content).swap16().toString('utf16le') : undefined
    case TAG.universalString: {
      let text = ''
      for (let at = 0; at + 4 <= content.length; at += 4) {
        const point = content.readUInt32BE(at)
        text += point > 0x10_ffff ? '\ufffd' : String.fromCodePoint(point)
      }
      return text
    }
    default:
      return undefined
  }
}

/** UTCTime up to 2049, GeneralizedTime after. RFC 5280 4.1.2.5 */
export function derTime(ms: number): Buffer {
  const text = new Date(Math.floor(ms / 1000) * 1000).toISOString().replace(/[-:T]|\.\d+/g, '')
  const year = Number(text.slice(0, 4))
  return year >= 1950 && year < 2050 ? der(TAG.utcTime, Buffer.from(text.slice(2))) : der(TAG.generalizedTime, Buffer.from(text))
}

/** ms since 1970 */
export function readTime({ tag, content }: DerValue): number {
  let text = content.toString('latin1')
  if (tag === TAG.utcTime) text = (Number(text.slice(0, 2)) < 50 ? '20' : '19') + text
  else if (tag !== TAG.generalizedTime) throw malformed('a time is no time')
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (found === null) throw malformed('a time has no known form')
  const [, year, month, day, hour, minute, second] = found.map(Number)
  return Date.UTC(year!, month! - 1, day, hour, minute, second)
}
