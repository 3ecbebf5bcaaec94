import { expect, it } from 'vitest'
import { PorticoError } from '../../../shared/errors.ts'
import { acceptKey, closeFrame, frameHeader, FrameReader, OPCODE } from '../../../electron/wire/websocket.ts'
import { clientFrame } from '../../integration/router/websocket-client.ts'
import { Dice, mutate } from '../../fuzz/mutate.ts'

function read(pieces: readonly Buffer[]): { data: string; controls: string[]; midFrame: boolean } {
  const [data, controls]: [Buffer[], string[]] = [[], []]
  const reader = new FrameReader({
    data: part => data.push(Buffer.from(part)),
    control: (opcode, payload) => controls.push(`${opcode} ${payload.toString('latin1')}`),
  })
  for (const piece of pieces) reader.push(Buffer.from(piece))
  return { data: Buffer.concat(data).toString('latin1'), controls, midFrame: reader.midFrame }
}

it('answers the key of RFC 6455', () => expect(acceptKey('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo='))

it('reads the masked examples of RFC 6455 5.7, but for text', () => {
  expect(read([Buffer.from('828537fa213d7f9f4d5158', 'hex')])).toEqual({ data: 'Hello', controls: [], midFrame: false })
  expect(read([Buffer.from('8a8537fa213d7f9f4d5158', 'hex')])).toEqual({ data: '', controls: ['10 Hello'], midFrame: false })
})

it('writes headers in their shortest form', () => {
  expect([0, 125, 126, 65_535, 65_536].map(length => frameHeader(OPCODE.binary, length).toString('hex'))).toEqual([
    '8200',
    '827d',
    '827e007e',
    '827effff',
    '827f0000000000010000',
  ])
  expect(closeFrame(1_003, 'no').toString('hex')).toBe('880403eb6e6f')
})

const STREAM = Buffer.concat([
  clientFrame(OPCODE.binary, Buffer.from('one')),
  clientFrame(OPCODE.binary, Buffer.from('two'), undefined, false),
  clientFrame(OPCODE.ping, Buffer.from('between')),
  clientFrame(OPCODE.continuation, Buffer.from('three')),
  clientFrame(OPCODE.binary, Buffer.alloc(0)),
  clientFrame(OPCODE.close, Buffer.from([3, 232])),
])

it('comes to the same however the bytes are cut, controls between fragments too', () => {
  const whole = read([STREAM])
  expect(whole).toEqual({ data: 'onetwothree', controls: ['9 between', '8 \x03\xe8'], midFrame: false })
  expect(read([...STREAM].map(byte => Buffer.from([byte])))).toEqual(whole)
  for (let cut = 1; cut < STREAM.length; cut++) expect(read([STREAM.subarray(0, cut), STREAM.subarray(cut)])).toEqual(whole)
  expect(read([STREAM.subarray(0, 3)]).midFrame).toBe(true)
})

it('mutated frames are read or refused, nothing else', () => {
  const dice = new Dice(6_455)
  const seeds = [STREAM, clientFrame(OPCODE.binary, Buffer.alloc(300, 1)), clientFrame(OPCODE.binary, Buffer.alloc(70_000, 1))]
  let refused = 0
  for (let index = 0; index < 30_000; index++) {
    const bytes = mutate(dice, index % 50 === 0 ? seeds : seeds.slice(0, 2))
    try {
      read([bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)])
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(PorticoError)
      refused += 1
    }
  }
  expect(refused).toBeGreaterThan(1_000)
})
