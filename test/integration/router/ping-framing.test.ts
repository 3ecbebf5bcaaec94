import { randomBytes } from 'node:crypto'
import { duplexPair, type Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ALPN, PING_SUFFIX } from '../../../shared/protocols.ts'
import { PING_FRAME, PingFrameReader, pingFrameHeader } from '../../../electron/wire/ping-frames.ts'
import { pingFramed } from '../../../electron/cluster/router/ping-framed.ts'
import { openClient, openUnderTest, type UnderTest } from './router-under-test.ts'

let under: UnderTest
beforeAll(async () => {
  under = await openUnderTest({ limits: { pingEveryMs: 20 } })
})
afterAll(() => under.close())

const open = (): Promise<TLSSocket> => openClient(under.port, { ALPNProtocols: [ALPN.postgres + PING_SUFFIX, ALPN.postgres] })

/** Takes a client's side apart: what came in frames, and how many pings came between them. */
function collect(socket: Duplex): { payload: () => Buffer; pings: () => number; reader: PingFrameReader } {
  const [parts, reader] = [[] as Buffer[], new PingFrameReader()]
  let raw = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    raw = Buffer.concat([raw, chunk])
    reader.push(chunk, part => parts.push(part))
  })
  const pings = (): number => {
    let count = 0
    for (let at = 0; at + 4 <= raw.length;) {
      const length = raw.readUInt32BE(at)
      if (length === 0) count += 1
      at += 4 + length
    }
    return count
  }
  return { payload: () => Buffer.concat(parts), pings, reader }
}

const framed = (payload: Buffer): Buffer => Buffer.concat([pingFrameHeader(payload.length), payload])
const soon = (ms: number): Promise<void> => new Promise(next => setTimeout(next, ms))

it('echoes through frames cut anywhere, with pings in between that change nothing', async () => {
  const socket = await open()
  const { payload, pings, reader } = collect(socket)
  const data = randomBytes(300_000)
  const wire = Buffer.concat([
    framed(data.subarray(0, 1)),
    PING_FRAME,
    framed(data.subarray(1, 200_000)),
    PING_FRAME,
    PING_FRAME,
    framed(data.subarray(200_000)),
  ])
  for (let at = 0; at < wire.length; at += 12_345) {
    socket.write(wire.subarray(at, at + 12_345))
    await soon(3)
  }
  for (let tries = 0; payload().length < data.length + 9 && tries < 200; tries++) await soon(10)
  expect(payload().subarray(0, 9).toString()).toBe('postgres\n')
  expect(payload().subarray(9).equals(data)).toBe(true)
  expect(pings()).toBeGreaterThan(1)
  expect(reader.midFrame).toBe(false)
  socket.destroy()
})

it('pings an idle client at its interval, and nobody else', async () => {
  const [socket, plain] = [await open(), await openClient(under.port, { ALPNProtocols: [ALPN.postgres] })]
  const { pings } = collect(socket)
  let bytes = 0
  const started = performance.now()
  plain.on('data', chunk => (bytes += chunk.length))
  await soon(150)
  expect(pings()).toBeGreaterThanOrEqual(4)
  expect(pings()).toBeLessThanOrEqual((performance.now() - started) / 20 + 1)
  expect(bytes).toBe('postgres\n'.length)
  socket.destroy()
  plain.destroy()
})

it('keeps half-close: the answer still comes after the client has ended', async () => {
  const [outer, inner] = duplexPair()
  const server = pingFramed(inner, 0)
  const { payload } = collect(outer)
  outer.end(framed(Buffer.from('question')))
  let asked = ''
  server.on('data', chunk => (asked += String(chunk)))
  await new Promise(next => server.once('end', next))
  expect(asked).toBe('question')
  server.end('answer')
  await soon(10)
  expect(payload().toString()).toBe('answer')
  expect(server.destroyed && inner.destroyed).toBe(true)
})

it('fails when the stream ends inside a frame', async () => {
  for (const cut of [2, 4, 6]) {
    const [outer, inner] = duplexPair()
    const server = pingFramed(inner, 0)
    const failed = new Promise<NodeJS.ErrnoException>(next => server.once('error', next))
    outer.end(framed(Buffer.from('question')).subarray(0, cut))
    server.resume()
    expect((await failed).code).toBe('wire/cut-short')
  }
})

it('holds the sender back while nobody reads', async () => {
  const [outer, inner] = duplexPair()
  const server = pingFramed(inner, 0)
  let sent = 0
  while (outer.write(framed(Buffer.alloc(10_000)))) sent += 10_000
  await soon(20)
  for (let more = 0; more < 100 && outer.write(framed(Buffer.alloc(10_000))); more++) {
    sent += 10_000
    await soon(1)
  }
  expect(sent).toBeLessThan(400_000)
  let got = 0
  server.on('data', chunk => (got += chunk.length))
  outer.end()
  await new Promise(next => server.once('end', next))
  expect(got).toBeGreaterThanOrEqual(sent)
})

it('writes nothing for an empty write, and one frame for what piled up', async () => {
  const [outer, inner] = duplexPair()
  const writes: Buffer[] = []
  outer.on('data', chunk => writes.push(chunk))
  const server = pingFramed(inner, 0)
  server.write(Buffer.alloc(0))
  server.cork()
  for (const part of ['a', 'b', '', 'c']) server.write(part)
  server.uncork()
  await soon(10)
  expect(Buffer.concat(writes).toString('latin1')).toBe('\0\0\0\x03abc')
  server.destroy()
})

it('closes the stream below when it is destroyed, and ends when that is', async () => {
  for (const [first, second] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const [outer, inner] = duplexPair()
    const both = [pingFramed(inner, 10), inner]
    both.forEach(stream => stream.on('error', () => {}))
    both[first]!.destroy()
    await soon(30)
    expect(both[second]!.destroyed).toBe(true)
    outer.destroy()
  }
})
