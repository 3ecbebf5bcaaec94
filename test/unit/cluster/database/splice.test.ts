import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { expect, it } from 'vitest'
import { duplexPair } from '../../../../electron/cluster/database/duplex-pair.ts'
import { splice } from '../../../../electron/cluster/database/splice.ts'
import { pingFramed } from '../../../../electron/cluster/router/ping-framed.ts'
import { PING_FRAME, PingFrameReader, pingFrameHeader } from '../../../../electron/wire/ping-frames.ts'

const frame = (payload: Buffer): Buffer => Buffer.concat([pingFrameHeader(payload.length), payload])
const pattern = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, at) => at * 7))

/** Unlike `toArray`, leaves the other direction open. */
async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(stream, 'end')
  return Buffer.concat(chunks)
}

function openFramed() {
  const [client, outer] = duplexPair()
  const [inner, server] = duplexPair()
  const framed = pingFramed(outer, 0)
  return { client, framed, inner, server }
}

it('takes ping frames off and puts them on, what was read before included', async () => {
  const { client, framed, inner, server } = openFramed()
  client.write(Buffer.concat([frame(Buffer.from('one ')), PING_FRAME, frame(Buffer.from('two '))]))
  await once(framed, 'readable')
  void splice(framed, inner)
  const split = frame(Buffer.from('three'))
  client.write(split.subarray(0, 2))
  client.write(split.subarray(2, 7))
  client.end(split.subarray(7))
  expect((await readAll(server)).toString()).toBe('one two three')

  const answered = readAll(client)
  server.end('answer')
  expect(await answered).toEqual(frame(Buffer.from('answer')))
})

it('keeps order and loses nothing while the other side reads slowly', async () => {
  const { client, framed, inner, server } = openFramed()
  const over = splice(framed, inner)
  const bytes = pattern(4 * 1024 * 1024)
  for (let at = 0; at < bytes.length; at += 50_000) client.write(frame(bytes.subarray(at, at + 50_000)))
  for (let at = 0; at < bytes.length; at += 70_000) server.write(bytes.subarray(at, at + 70_000))
  client.end()
  server.end()
  await new Promise(resolve => setTimeout(resolve, 20))
  // Both sides wait for their readers: most of it is still with the writers.
  expect(client.writableLength).toBeGreaterThan(bytes.length / 2)
  expect(server.writableLength).toBeGreaterThan(bytes.length / 2)

  const got: Buffer[] = []
  const frames = new PingFrameReader()
  const taken = (async () => {
    for await (const chunk of client) frames.push(chunk as Buffer, part => got.push(Buffer.from(part)))
  })()
  expect((await readAll(server)).equals(bytes)).toBe(true)
  await taken
  expect(Buffer.concat(got).equals(bytes)).toBe(true)
  await over
})

it('cuts the server off when the client ends inside a frame', async () => {
  const { client, framed, inner, server } = openFramed()
  framed.on('error', () => {})
  const over = splice(framed, inner)
  client.end(frame(Buffer.from('whole')).subarray(0, 6))
  server.resume()
  await over
  expect(inner.destroyed).toBe(true)
})
