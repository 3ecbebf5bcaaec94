// ping-frames.json: decrypted bytes of `-ping` connections, captured from Teleport 13.0.0-dev, fixtures/teleport-13/router.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PING_FRAME, PingFrameReader, pingFrameHeader } from '../../../electron/wire/ping-frames.ts'
import { MessageReader } from '../../../electron/wire/postgres.ts'

interface Captured {
  readonly name: string
  readonly negotiated: string
  readonly log: readonly { readonly from: string; readonly hex?: string }[]
}
const captured = JSON.parse(readFileSync(new URL('ping-frames.json', import.meta.url), 'utf8')) as Captured[]
const bytesOf = ({ log }: Captured, from: string): Buffer =>
  Buffer.concat(log.filter(entry => entry.from === from).map(({ hex = '' }) => Buffer.from(hex, 'hex')))

const payloadOf = (wire: Buffer, cut: number): { payload: Buffer; midFrame: boolean } => {
  const [reader, parts] = [new PingFrameReader(), [] as Buffer[]]
  for (let at = 0; at < wire.length; at += cut) reader.push(wire.subarray(at, at + cut), part => parts.push(part))
  expect(parts.every(part => part.length > 0)).toBe(true)
  return { payload: Buffer.concat(parts), midFrame: reader.midFrame }
}

const session = captured[0]!
describe('a captured Postgres session', () => {
  it.each(['server', 'client'])('yields the same bytes from the %s however they are cut', from => {
    const wire = bytesOf(session, from)
    const whole = payloadOf(wire, wire.length)
    expect(whole.midFrame).toBe(false)
    for (const cut of [1, 2, 3, 4, 5, 7, 100]) expect(payloadOf(wire, cut)).toEqual(whole)
  })

  it('is three queries from the client, which put headers and messages across writes and pings between', () => {
    const { payload } = payloadOf(bytesOf(session, 'client'), 5)
    expect(payload.toString('latin1').match(/select \d/g)).toEqual(['select 1', 'select 2', 'select 3'])
  })

  it('is whole Postgres messages from the server, its pings gone', () => {
    const reader = new MessageReader()
    reader.push(payloadOf(bytesOf(session, 'server'), 3).payload)
    const types = []
    for (let next = reader.next(); next !== undefined; next = reader.next()) types.push(next.type)
    expect(types.join('')).toBe('RKSSSSSSSSSSSSSZTDCZTDCZTDCZ')
    expect(reader.rest().length).toBe(0)
  })
})

it.each(captured.filter(({ negotiated }) => negotiated.endsWith('-ping')))('reads "$name" to a frame border', entry => {
  expect(payloadOf(bytesOf(entry, 'server'), 4).midFrame).toBe(false)
})

it('knows that it is inside a frame at every cut but the last', () => {
  const wire = Buffer.concat([pingFrameHeader(3), Buffer.from('abc')])
  for (let length = 1; length < wire.length; length++) expect(payloadOf(wire.subarray(0, length), 1).midFrame).toBe(true)
  expect(payloadOf(wire, 1).midFrame).toBe(false)
})

it('hands payload out as it comes, so a length of 4 GiB costs nothing', () => {
  const reader = new PingFrameReader()
  let got = 0
  reader.push(Buffer.from('ffffffff0102', 'hex'), part => (got += part.length))
  expect(got).toBe(2)
  expect(reader.midFrame).toBe(true)
})

it('slices the chunk instead of copying it', () => {
  const chunk = Buffer.concat([pingFrameHeader(2), Buffer.from('ab'), PING_FRAME, pingFrameHeader(9), Buffer.from('cd')])
  const parts: Buffer[] = []
  new PingFrameReader().push(chunk, part => parts.push(part))
  expect(parts.map(String)).toEqual(['ab', 'cd'])
  expect(parts.every(part => part.buffer === chunk.buffer)).toBe(true)
})

it('takes apart what any writer frames, cut anywhere, with pings anywhere', () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 })
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 50 }), (parts, cut) => {
      const wire = Buffer.concat(parts.flatMap(part => [pingFrameHeader(part.length), Buffer.from(part)]))
      return payloadOf(wire, cut).payload.equals(Buffer.concat(parts))
    }),
    { numRuns: 2_000 },
  )
})
