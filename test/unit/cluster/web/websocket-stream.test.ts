import { randomBytes } from 'node:crypto'
import { duplexPair, type Duplex } from 'node:stream'
import { expect, it } from 'vitest'
import { webSocketStream } from '../../../../electron/cluster/web/websocket-stream.ts'
import { clientFrame, readServerFrames, type ServerFrame } from '../../../integration/router/websocket-client.ts'

function open(pingEveryMs = 0): { inner: Duplex; outer: Duplex; frames: ServerFrame[]; read: () => Buffer } {
  const [outer, below] = duplexPair()
  const inner = webSocketStream(below, pingEveryMs)
  const frames: ServerFrame[] = []
  let rest: Buffer = Buffer.alloc(0)
  outer.on('data', (chunk: Buffer) => (rest = readServerFrames(Buffer.concat([rest, chunk]), frame => frames.push(frame))))
  const read: Buffer[] = []
  inner.on('data', chunk => read.push(chunk)).on('error', () => {})
  return { inner, outer, frames, read: () => Buffer.concat(read) }
}
const soon = (ms = 20): Promise<void> => new Promise(next => setTimeout(next, ms))

it('reads frames cut anywhere, of every length form, masked or with a mask of zeros', async () => {
  for (const size of [0, 1, 125, 126, 65_535, 65_536]) {
    for (const mask of [Buffer.alloc(4), randomBytes(4)]) {
      const { outer, read } = open()
      const payload = randomBytes(size)
      const wire = Buffer.concat([clientFrame(2, payload, mask), clientFrame(2, Buffer.from('end'), mask)])
      const step = size > 1_000 ? 7_001 : 1
      for (let at = 0; at < wire.length; at += step) outer.write(Buffer.from(wire.subarray(at, at + step)))
      await soon(5)
      expect(read().equals(Buffer.concat([payload, Buffer.from('end')]))).toBe(true)
    }
  }
})

it('sends one binary frame a write, of every length form', async () => {
  const { inner, frames } = open()
  for (const size of [1, 125, 126, 65_535, 65_536]) inner.write(Buffer.alloc(size, 7))
  await soon()
  expect(frames.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([1, 125, 126, 65_535, 65_536].map(size => [2, size]))
})

it('pings with Teleport’s payload at its interval, and only then', async () => {
  const [pinging, silent] = [open(20), open()]
  await soon(110)
  expect(pinging.frames.length).toBeGreaterThanOrEqual(3)
  for (const { opcode, payload } of pinging.frames) expect([opcode, payload.toString()]).toEqual([9, 'teleport'])
  expect(silent.frames).toEqual([])
  pinging.inner.destroy()
})

it('answers a close frame with one, after what was written before, and ends', async () => {
  const { inner, outer, frames } = open()
  inner.write('last')
  outer.write(clientFrame(8, Buffer.from([3, 232])))
  await new Promise(resolve => outer.once('end', resolve))
  expect(frames.map(({ opcode }) => opcode)).toEqual([2, 8])
  expect(inner.readableEnded).toBe(true)
})

it('ends with a close frame and waits for the answer, three seconds at most', async () => {
  const answered = open()
  answered.inner.end('last')
  await soon()
  expect(answered.frames.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([
    [2, 4],
    [8, 2],
  ])
  expect(answered.outer.readableEnded).toBe(false)
  answered.outer.write(clientFrame(8, Buffer.from([3, 232])))
  await soon()
  expect(answered.outer.readableEnded).toBe(true)

  const silent = open()
  const started = performance.now()
  silent.inner.end()
  await new Promise(resolve => silent.outer.once('end', resolve))
  expect(performance.now() - started).toBeGreaterThan(2_900)
})

it('fails when the stream ends inside a frame, and ends when it ends between frames', async () => {
  const cut = open()
  const failed = new Promise<Error>(resolve => cut.inner.once('error', resolve))
  cut.outer.end(clientFrame(2, Buffer.from('half')).subarray(0, 8))
  expect(await failed).toMatchObject({ code: 'wire/cut-short' })
  const whole = open()
  whole.outer.end(clientFrame(2, Buffer.from('whole')))
  await soon()
  expect([whole.read().toString(), whole.inner.readableEnded]).toEqual(['whole', true])
})

it('holds the sender back while nobody reads', async () => {
  const [outer, below] = duplexPair()
  const inner = webSocketStream(below, 0)
  const frame = clientFrame(2, Buffer.alloc(16_384, 1))
  let sent = 0
  while (sent < 1_000 && outer.write(frame)) {
    sent += 1
    await new Promise(next => setImmediate(next))
  }
  expect(sent).toBeLessThan(50)
  inner.destroy()
})
