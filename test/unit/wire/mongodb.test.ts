import { BSON as Real } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { encodeDocument, readElements, readText } from '../../../electron/wire/bson.ts'
import {
  encodeMsg,
  encodeRefusal,
  encodeReplyError,
  isTrue,
  MessageCutter,
  OPCODE,
  readAnswer,
  readRequest,
  textOf,
  withoutElements,
} from '../../../electron/wire/mongodb.ts'

const EVERY_TYPE = {
  double: 1.5,
  text: 'é',
  document: { $db: 'inner' },
  list: [1, '2'],
  binary: new Real.Binary(Buffer.from('abc')),
  old: new Real.Binary(Buffer.from('abc'), 2),
  id: new Real.ObjectId(),
  yes: true,
  when: new Date(0),
  nothing: null,
  pattern: new Real.BSONRegExp('a.b', 'i'),
  code: new Real.Code('x'),
  scoped: new Real.Code('x', { y: 1 }),
  symbol: new Real.BSONSymbol('s'),
  int: new Real.Int32(3),
  stamp: new Real.Timestamp(5n),
  long: Real.Long.fromNumber(7),
  decimal: Real.Decimal128.fromString('1.5'),
  least: new Real.MinKey(),
  most: new Real.MaxKey(),
}

function msg(document: object, { flags = 0, sections = [] as Buffer[] } = {}): Buffer {
  const body = Buffer.from(Real.serialize(document))
  const head = Buffer.alloc(21)
  head.writeInt32LE(9, 4)
  head.writeInt32LE(OPCODE.msg, 12)
  head.writeUInt32LE(flags, 16)
  const whole = Buffer.concat([head, body, ...sections])
  whole.writeInt32LE(whole.length, 0)
  return whole
}

function query(collection: string, document: object): Buffer {
  const head = Buffer.alloc(20)
  head.writeInt32LE(9, 4)
  head.writeInt32LE(OPCODE.query, 12)
  const whole = Buffer.concat([head, Buffer.from(`${collection}\0`), Buffer.alloc(8), Buffer.from(Real.serialize(document))])
  whole.writeInt32LE(whole.length, 0)
  return whole
}

describe('BSON', () => {
  it('of every type is cut into its elements', () => {
    const bytes = Buffer.from(Real.serialize(EVERY_TYPE))
    const elements = readElements(bytes, 0, bytes.length)
    expect(elements.map(({ name }) => name)).toEqual(Object.keys(EVERY_TYPE))
    expect(readText(bytes, elements[1]!)).toBe('é')
    expect(readText(bytes, elements[0]!)).toBeUndefined()
  })

  it('that is cut short or damaged at any byte is refused or read, never worse', () => {
    const bytes = Buffer.from(Real.serialize(EVERY_TYPE))
    for (let at = 0; at < bytes.length; at++) {
      expect(() => readElements(bytes.subarray(0, at), 0, at)).toThrow(expect.objectContaining({ code: 'wire/malformed' }))
      for (const value of [0, 1, 0x7f, 0xff]) {
        const damaged = Buffer.from(bytes)
        damaged[at] = value
        try {
          readElements(damaged, 0, damaged.length)
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'wire/malformed' })
        }
      }
    }
  })

  it('is written as the driver reads it', () => {
    expect(Real.deserialize(encodeDocument({ a: 'é', b: 1, c: true, d: false }))).toEqual({ a: 'é', b: 1, c: true, d: false })
  })
})

describe('a stream of messages', () => {
  it('is cut at whatever borders it comes', () => {
    const messages = [msg({ ping: 1, $db: 'a' }), msg({ hello: 1, $db: 'b' })]
    const stream = Buffer.concat(messages)
    for (let at = 0; at <= stream.length; at++) {
      const cutter = new MessageCutter()
      expect([...cutter.push(stream.subarray(0, at)), ...cutter.push(stream.subarray(at))]).toEqual(messages)
    }
    const cutter = new MessageCutter()
    expect(Array.from(stream, byte => cutter.push(Buffer.from([byte]))).flat()).toEqual(messages)
  })

  it('is refused by a length that is too long, or none', () => {
    const length = (value: number): Buffer => {
      const bytes = Buffer.alloc(4)
      bytes.writeInt32LE(value)
      return bytes
    }
    expect(() => new MessageCutter().push(length(96_000_001))).toThrow(expect.objectContaining({ code: 'wire/too-long' }))
    for (const value of [15, 0, -1])
      expect(() => new MessageCutter().push(length(value))).toThrow(expect.objectContaining({ code: 'wire/malformed' }))
  })
})

describe('a request', () => {
  it('names its command and its database', () => {
    expect(readRequest(msg({ isMaster: 1, $db: 'admin' }))).toMatchObject({
      command: 'ismaster',
      database: 'admin',
      requestId: 9,
      silent: false,
    })
    expect(readRequest(msg({ insert: 't', $db: 'x' }, { flags: 2 }))).toMatchObject({ silent: true })
    expect(readRequest(query('admin.$cmd', { ismaster: 1 }))).toMatchObject({ command: 'ismaster', database: 'admin' })
    expect(readRequest(query('admin.$cmd', { $query: { ismaster: 1 }, $readPreference: {} }))).toMatchObject({ command: 'ismaster' })
    expect(readRequest(query('shop.a.b', { n: 1 }))).toMatchObject({ command: '', database: 'shop' })
    expect(textOf(readRequest(msg({ authenticate: 1, user: 'CN=é', $db: '$external' })), 'user')).toBe('CN=é')
  })

  it('that two readers could understand in two ways is refused', () => {
    const doubled = Buffer.from(Real.serialize({ find: 't', $db: 'a', xdb: 'b' }))
    doubled[doubled.indexOf('xdb')] = 0x24
    const twice = msg({ find: 't' })
    const head = Buffer.concat([twice.subarray(0, 21), doubled])
    head.writeInt32LE(head.length, 0)
    const second = Buffer.concat([Buffer.from([0]), Buffer.from(Real.serialize({ find: 't', $db: 'b' }))])
    for (const bytes of [head, msg({ find: 't', $db: 'a' }, { sections: [second] }), msg({ find: 't' }), msg({ find: 't', $db: 1 })])
      expect(() => readRequest(bytes)).toThrow(expect.objectContaining({ code: 'wire/malformed' }))
  })

  it('loses elements, and stays whole', () => {
    const whole = msg({ hello: 1, compression: ['zlib'], client: { a: 1 }, speculativeAuthenticate: { x: 1 }, $db: 'admin' })
    const without = withoutElements(readRequest(whole), ['compression', 'speculativeAuthenticate'])
    expect(without.readInt32LE(0)).toBe(without.length)
    expect(Real.deserialize(without.subarray(21))).toEqual({ hello: 1, client: { a: 1 }, $db: 'admin' })
    const old = query('admin.$cmd', { ismaster: 1, compression: ['zlib'] })
    expect(Real.deserialize(withoutElements(readRequest(old), ['compression']).subarray(39))).toEqual({ ismaster: 1 })
    const wrapped = query('admin.$cmd', { $query: { ismaster: 1, compression: ['zlib'] } })
    expect(withoutElements(readRequest(wrapped), ['compression'])).toBe(wrapped)
  })

  it('is refused in the form in which it was asked', () => {
    const refusal = encodeRefusal(readRequest(msg({ find: 't', $db: 'x' })), 'no', 13, 'Unauthorized')
    expect([refusal.readInt32LE(8), refusal.readInt32LE(12)]).toEqual([9, OPCODE.msg])
    expect(Real.deserialize(refusal.subarray(21))).toEqual({ ok: 0, errmsg: 'no', code: 13, codeName: 'Unauthorized' })
    const old = encodeRefusal(readRequest(query('x.t', {})), 'no', 13, 'Unauthorized')
    expect([old.readInt32LE(8), old.readInt32LE(12), old.readInt32LE(16)]).toEqual([9, OPCODE.reply, 2])
    expect(encodeReplyError(0, 'no').readInt32LE(8)).toBe(0)
  })
})

it('an answer says yes in any form of number', () => {
  for (const ok of [1.0, new Real.Int32(1), Real.Long.fromNumber(1), true, new Real.Double(1)])
    expect(isTrue(readAnswer(msg({ ok })), 'ok')).toBe(true)
  for (const answer of [{ ok: 0 }, { ok: '1' }, {}]) expect(isTrue(readAnswer(msg(answer)), 'ok')).toBe(false)
  expect(isTrue(readAnswer(encodeMsg(1, 2, { ok: 1 })), 'ok')).toBe(true)
})
