// *.bin: first TLS records of real tsh and kubectl, captured from Teleport 13.0.0-dev, fixtures/teleport-13/client-hello.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CLIENT_HELLO_LIMIT, readClientHello } from '../../../electron/wire/client-hello.ts'

interface Row {
  readonly file: string
  readonly sni: string | null
  readonly alpn: readonly string[]
}
const rows = JSON.parse(readFileSync(new URL('index.json', import.meta.url), 'utf8')) as Row[]
const load = (file: string): Buffer => readFileSync(new URL(file, import.meta.url))

/** The same handshake message in other records. */
const inRecords = (hello: Buffer, size: number): Buffer => {
  const message = []
  for (let at = 0; at < hello.length; at += 5 + hello.readUInt16BE(at + 3))
    message.push(hello.subarray(at + 5, at + 5 + hello.readUInt16BE(at + 3)))
  const whole = Buffer.concat(message)
  const records = []
  for (let at = 0; at < whole.length; at += size) {
    const part = whole.subarray(at, at + size)
    records.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 255]), part)
  }
  return Buffer.concat(records)
}

describe.each(rows)('$file', ({ file, sni, alpn }) => {
  const hello = load(file)
  const expected = { state: 'hello', hello: { ...(sni === null ? {} : { sni }), alpn } }

  it('is read whole, with anything behind it', () => {
    expect(readClientHello(hello)).toEqual(expected)
    expect(readClientHello(Buffer.concat([hello, Buffer.from('garbage')]))).toEqual(expected)
  })
  it('asks for more at every length before its end', () => {
    for (let length = 0; length < hello.length; length++) expect(readClientHello(hello.subarray(0, length)).state).toBe('more')
  })
  it('is read from records of any size', () => {
    for (const size of [1, 2, 3, 4, 5, 100, hello.length]) {
      const records = inRecords(hello, size)
      expect(readClientHello(records)).toEqual(expected)
      expect(readClientHello(records.subarray(0, -1)).state).toBe('more')
    }
  })
})

describe('limits', () => {
  const hello = load(rows[0]!.file)
  it('refuses a message announced longer than 16 KiB', () => {
    expect(readClientHello(Buffer.from('160301000401004001', 'hex'))).toEqual({ state: 'refused', why: 'longer than 16 KiB' })
  })
  it('refuses a record that cannot fit', () => {
    expect(readClientHello(Buffer.from('1603014001', 'hex'))).toEqual({ state: 'refused', why: 'longer than 16 KiB' })
  })
  it('refuses more records than fit, whatever they announce', () => {
    const drip = Buffer.concat([
      Buffer.from('160301000401003f00', 'hex'),
      ...Array.from({ length: 3_000 }, () => Buffer.from('160301000100', 'hex')),
    ])
    expect(readClientHello(drip)).toEqual({ state: 'refused', why: 'longer than 16 KiB' })
    expect(readClientHello(drip.subarray(0, CLIENT_HELLO_LIMIT - 10)).state).toBe('more')
  })
  it('refuses what is no ClientHello', () => {
    const why = (bytes: Buffer): string => {
      const read = readClientHello(bytes)
      return read.state === 'refused' ? read.why : read.state
    }
    expect(why(Buffer.from('15', 'hex'))).toBe('no handshake record')
    expect(why(Buffer.from('1602', 'hex'))).toBe('no TLS version')
    expect(why(Buffer.from('1603010000', 'hex'))).toBe('empty record')
    expect(why(Buffer.from('160301000402000000', 'hex'))).toBe('no ClientHello')
    const damaged = Buffer.from(hello)
    damaged[43] = 255 // session id longer than what is left of it allows
    expect(why(damaged)).toBe('malformed ClientHello')
  })
  it('refuses lists that do not fit their extension', () => {
    for (const row of rows.filter(({ alpn }) => alpn.length > 0)) {
      const bytes = load(row.file)
      const name = bytes.indexOf(row.alpn[0]!, 0, 'latin1')
      const damaged = Buffer.from(bytes)
      damaged[name - 1] = 255
      expect(readClientHello(damaged)).toEqual({ state: 'refused', why: 'malformed ALPN' })
      damaged[name - 1] = 0
      expect(readClientHello(damaged)).toEqual({ state: 'refused', why: 'malformed ALPN' })
    }
  })
})

it('answers every damaged hello with one of its three states', () => {
  const hellos = rows.map(({ file }) => load(file))
  const damage = fc.array(fc.tuple(fc.nat(1_600), fc.nat(255)), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(fc.nat(hellos.length - 1), damage, fc.nat(1_600), (which, changes, cut) => {
      const bytes = Buffer.from(hellos[which]!)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return ['more', 'hello', 'refused'].includes(
        readClientHello(cut < bytes.length && cut % 3 === 0 ? bytes.subarray(0, cut) : bytes).state,
      )
    }),
    { numRuns: 20_000 },
  )
})
