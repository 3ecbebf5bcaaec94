import { describe, expect, it } from 'vitest'
import { CommandLook } from '../../../../electron/cluster/database/engines/mysql-commands.ts'
import { encodePacket } from '../../../../electron/wire/mysql.ts'

const query = (text: string): Buffer => encodePacket(0, Buffer.from(`\u0003${text}`))
const threadOf = (id: number): number | undefined => (id === 700_000_001 ? 42 : undefined)

/** Sends the bytes in chunks of `size`. @returns what is passed on; undefined when the session ended */
function passed(bytes: Buffer, size = bytes.length): Buffer | undefined {
  const commands = new CommandLook(threadOf)
  const out: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const found = commands.look(bytes.subarray(at, at + size))
    if (found === undefined) return undefined
    out.push(found)
  }
  return Buffer.concat(out)
}

describe('what a MySQL client commands', () => {
  const ordinary = Buffer.concat([
    query('select 1'),
    encodePacket(0, Buffer.from([0x0e])),
    query('x'.repeat(5_000)),
    // Parts of something longer may begin with any byte.
    encodePacket(2, Buffer.from([0x11, 1, 2])),
    encodePacket(3, Buffer.alloc(0)),
    query('kill 1234'),
    encodePacket(0, Buffer.from([1])),
  ])

  it.each([1, 2, 3, 4, 5, 7, 4_096])('is passed on unchanged in chunks of %i', size => {
    expect(passed(ordinary, size)?.equals(ordinary)).toBe(true)
  })

  it.each([1, 2, 3, 4, 5, 7, 4_096])('ends the session when it is another user, in chunks of %i', size => {
    expect(passed(Buffer.concat([ordinary, encodePacket(0, Buffer.from('\u0011bob\0'))]), size)).toBeUndefined()
  })

  it('is no command in a LOAD DATA whose count comes round to 0', () => {
    const parts = Array.from({ length: 300 }, (_, index) => encodePacket((index + 2) & 0xff, Buffer.from([0x11, index & 0xff])))
    const load = Buffer.concat([query('load data local'), ...parts, encodePacket(46, Buffer.alloc(0)), query('select 2')])
    expect(passed(load)?.equals(load)).toBe(true)
    expect(passed(Buffer.concat([load, encodePacket(0, Buffer.from([0x11]))]), 3)).toBeUndefined()
  })

  it('is no command in the second part of a packet of 16 MB', () => {
    const full = encodePacket(0, Buffer.alloc(0xff_ffff, 0x03))
    const long = Buffer.concat([full, encodePacket(1, Buffer.from([0x11, 0x11]))])
    expect(passed(long, 65_536)?.equals(long)).toBe(true)
    expect(passed(Buffer.concat([long, encodePacket(0, Buffer.from([0x11]))]), 65_536)).toBeUndefined()
  })

  it.each([
    ['KILL QUERY 700000001', 'KILL QUERY 42'],
    ['kill 700000001;', 'kill 42;'],
    ['/* tool */ Kill Connection 700000001 ', '/* tool */ Kill Connection 42 '],
    ['KILL HARD QUERY 700000001', 'KILL HARD QUERY 42'],
    ['KILL QUERY 700000002', 'KILL QUERY 700000002'],
    ["select 'kill query 700000001'", "select 'kill query 700000001'"],
  ])('%s is %s to the database', (said, heard) => {
    const around = [query('select 1'), query('select 2')] as const
    const found = passed(Buffer.concat([around[0], query(said), around[1]]))
    expect(found?.equals(Buffer.concat([around[0], query(heard), around[1]]))).toBe(true)
  })

  it('is a kill in its binary form too', () => {
    const kill = (id: number): Buffer => {
      const payload = Buffer.from([0x0c, 0, 0, 0, 0])
      payload.writeUInt32LE(id, 1)
      return encodePacket(0, payload)
    }
    expect(passed(kill(700_000_001))?.equals(kill(42))).toBe(true)
    expect(passed(kill(7))?.equals(kill(7))).toBe(true)
  })
})
