import { once } from 'node:events'
import { expect, test } from 'vitest'
import { duplexPair } from '../../../../electron/cluster/database/duplex-pair.ts'
import { splice } from '../../../../electron/cluster/database/splice.ts'

test('what is written at one end is read at the other, after the write', async () => {
  const [one, other] = duplexPair()
  const got: string[] = []
  other.on('data', (chunk: Buffer) => got.push(chunk.toString()))
  one.write('a')
  expect(got).toEqual([])
  one.write('b')
  one.end('c')
  await once(other, 'end')
  expect(got.join('')).toBe('abc')
})

test('the other direction stays open after a half-close', async () => {
  const [one, other] = duplexPair()
  one.end()
  other.resume()
  await once(other, 'end')
  other.end('late')
  const [chunk] = await once(one, 'data')
  expect(String(chunk)).toBe('late')
})

test('a reader that waits stops the writer', async () => {
  const [one, other] = duplexPair()
  let written = 0
  while (one.write(Buffer.alloc(65_536)) && written < 100) written++
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(written).toBeLessThan(20)
  let got = 0
  other.on('data', (chunk: Buffer) => (got += chunk.length))
  await once(one, 'drain')
  expect(got).toBeGreaterThan(65_536)
})

test('destroying one end closes the other', async () => {
  const [one, other] = duplexPair()
  one.destroy()
  await once(other, 'close')
  expect(other.destroyed).toBe(true)
})

test('a splice keeps half-close and bytes, and ends with both sides', async () => {
  const [client, left] = duplexPair()
  const [right, server] = duplexPair()
  const done = splice(left, right)
  const sent = Buffer.alloc(3_000_000, 'x')
  let got = 0
  server.on('data', (chunk: Buffer) => (got += chunk.length))
  client.end(sent)
  await once(server, 'end')
  expect(got).toBe(sent.length)
  server.end('answer')
  const [chunk] = await once(client, 'data')
  expect(String(chunk)).toBe('answer')
  await done
})

test('an error at one side of a splice closes the other', async () => {
  const [client, left] = duplexPair()
  const [right, server] = duplexPair()
  const done = splice(left, right)
  client.on('error', () => {})
  server.on('error', () => {})
  left.destroy(new Error('reset'))
  await done
  await Promise.all([client, server].map(stream => (stream.closed ? undefined : once(stream, 'close'))))
  expect(server.destroyed).toBe(true)
})
