import { PorticoError } from '../../shared/errors.ts'

/**
 * As much of BSON as is needed to look at commands: the elements of one document, without going into them; and small documents.
 * bsonspec.org version 1.1. Integers are little endian.
 */

export const BSON = { double: 0x01, string: 0x02, document: 0x03, boolean: 0x08, int32: 0x10 } as const

/** How long values are: of a fixed size, or behind a 32-bit length that counts these bytes besides. */
const FIXED: Readonly<Record<number, number>> = {
  0x01: 8,
  0x06: 0,
  0x07: 12,
  0x08: 1,
  0x09: 8,
  0x0a: 0,
  0x10: 4,
  0x11: 8,
  0x12: 8,
  0x13: 16,
  0x7f: 0,
  0xff: 0,
}
const PREFIXED: Readonly<Record<number, number>> = {
  0x02: 4,
  0x03: 0,
  0x04: 0,
  0x05: 5,
  0x0c: 16,
  0x0d: 4,
  0x0e: 4,
  0x0f: 0,
}
const REGULAR_EXPRESSION = 0x0b

const malformed = (why: string): PorticoError => new PorticoError('wire/malformed', { why })

/** One element of a document; positions are those of the buffer that was read. */
export interface BsonElement {
  readonly type: number
  readonly name: string
  readonly start: number
  readonly value: number
  readonly end: number
}

function zeroFrom(bytes: Buffer, at: number, limit: number): number {
  const zero = bytes.indexOf(0, at)
  if (zero === -1 || zero >= limit) throw malformed('a text without an end')
  return zero
}

function valueEnd(bytes: Buffer, type: number, at: number, limit: number): number {
  const fixed = FIXED[type]
  if (fixed !== undefined) return at + fixed
  if (type === REGULAR_EXPRESSION) return zeroFrom(bytes, zeroFrom(bytes, at, limit) + 1, limit) + 1
  const besides = PREFIXED[type]
  if (besides === undefined) throw malformed(`an element of the unknown type ${type}`)
  if (at + 4 > limit) throw malformed('a value cut short')
  const length = bytes.readInt32LE(at)
  if (length < 0) throw malformed('a negative length')
  return at + length + besides
}

/** Length of the document at `at`, which must end before `limit`. @throws PorticoError `wire/malformed` */
export function documentLength(bytes: Buffer, at: number, limit: number): number {
  const length = at + 5 > limit ? 0 : bytes.readInt32LE(at)
  if (length < 5 || at + length > limit || bytes[at + length - 1] !== 0) throw malformed('a document of a wrong length')
  return length
}

/** The elements of the document at `at`, in order. @throws PorticoError `wire/malformed` */
export function readElements(bytes: Buffer, at: number, limit: number): readonly BsonElement[] {
  const last = at + documentLength(bytes, at, limit) - 1
  const elements: BsonElement[] = []
  for (let start = at + 4; start < last;) {
    const type = bytes[start]!
    const zero = zeroFrom(bytes, start + 1, last)
    const value = zero + 1
    const end = valueEnd(bytes, type, value, last)
    if (end > last) throw malformed('a value cut short')
    elements.push({ type, name: bytes.toString('utf8', start + 1, zero), start, value, end })
    start = end
  }
  return elements
}

/** @returns undefined when it is no text */
export function readText(bytes: Buffer, { type, value, end }: BsonElement): string | undefined {
  return type === BSON.string && bytes[end - 1] === 0 ? bytes.toString('utf8', value + 4, end - 1) : undefined
}

type Plain = string | number | boolean

/** Numbers are written as 32-bit ones; `ok` of an answer too, which drivers take in any number's form. */
export function encodeDocument(fields: Readonly<Record<string, Plain>>): Buffer {
  const parts = Object.entries(fields).map(([name, value]) => {
    const [type, bytes] = encodeValue(value)
    return Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), bytes])
  })
  const length = Buffer.alloc(4)
  length.writeInt32LE(parts.reduce((sum, part) => sum + part.length, 5))
  return Buffer.concat([length, ...parts, Buffer.from([0])])
}

function encodeValue(value: Plain): [type: number, bytes: Buffer] {
  if (typeof value === 'boolean') return [BSON.boolean, Buffer.from([value ? 1 : 0])]
  const number = Buffer.alloc(4)
  if (typeof value === 'number') {
    number.writeInt32LE(value)
    return [BSON.int32, number]
  }
  number.writeInt32LE(Buffer.byteLength(value) + 1)
  return [BSON.string, Buffer.concat([number, Buffer.from(`${value}\0`)])]
}
