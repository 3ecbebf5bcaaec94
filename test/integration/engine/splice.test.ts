import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { splice, writeFrame, type UpstreamStream } from '../../../electron/engine/splice.ts'
import { PING_FRAME, PingFrameReader } from '../../../electron/wire/ping-frames.ts'
import { expectNoLeaks } from '../../kit/no-leaks.ts'

expectNoLeaks()

/** Two ends of one connection on loopback. */
async function pair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const [far] = (await once(server, 'connection')) as [Socket]
  server.close()
  for (const one of [near, far]) {
    one.on('error', () => {})
    onTestFinished(() => void one.destroy())
  }
  return [near, far]
}

async function spliced(framed = false, lingerMs = 200) {
  const [program, local] = await pair()
  const [upstream, database] = await pair()
  const counts = { in: 0, out: 0 }
  const stream: UpstreamStream = { stream: upstream, framed, onRead: reader => void upstream.on('data', reader) }
  const begin = (): Promise<Error | undefined> =>
    splice(local, stream, { countIn: bytes => (counts.in += bytes), countOut: bytes => (counts.out += bytes), lingerMs })
  return { program, local, upstream, database, counts, begin }
}

async function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'end')
  return Buffer.concat(chunks)
}
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) % 256))

describe('a splice', () => {
  it('keeps each direction open until that side ends it', async () => {
    const { program, database, counts, begin } = await spliced()
    const over = begin()
    program.end('question')
    expect((await everything(database)).toString()).toBe('question')
    database.write('answer ')
    await new Promise(resolve => setTimeout(resolve, 20))
    database.end('after the end')
    expect((await everything(program)).toString()).toBe('answer after the end')
    expect(await over).toBeUndefined()
    expect(counts).toEqual({ in: 20, out: 8 })
  })

  it('loses nothing of 3 MB in many small and large parts, either way', async () => {
    const { program, database, begin } = await spliced()
    const over = begin()
    const whole = bytes(3_000_000)
    for (const socket of [program, database]) {
      for (let at = 0, size = 1; at < whole.length; at += size, size = (size * 3) % 100_003) {
        if (!socket.write(whole.subarray(at, at + size))) await new Promise(resolve => setImmediate(resolve))
      }
      socket.end()
    }
    const [there, back] = await Promise.all([everything(database), everything(program)])
    expect(there.equals(whole)).toBe(true)
    expect(back.equals(whole)).toBe(true)
    expect(await over).toBeUndefined()
  })

  it.each(['program', 'database'] as const)('stops reading while the %s is slow, and delivers it all', async slow => {
    const ends = await spliced()
    const over = ends.begin()
    const [reader, writer] = slow === 'program' ? [ends.program, ends.database] : [ends.database, ends.program]
    const whole = Buffer.alloc(64 * 1024 * 1024, 'x')
    writer.end(whole)
    await new Promise(resolve => setTimeout(resolve, 300))
    // Kernel buffers hold some; what the splice itself queues is bounded.
    expect(ends.local.writableLength + ends.upstream.writableLength).toBeLessThan(1_000_000)
    expect(writer.writableLength).toBeGreaterThan(0)
    let got = 0
    reader.on('data', (chunk: Buffer) => (got += chunk.length))
    await once(reader, 'end')
    expect(got).toBe(whole.length)
    reader.end()
    expect(await over).toBeUndefined()
  })

  it.each(['program', 'database'] as const)('closes the other side when the %s resets', async which => {
    const ends = await spliced()
    const over = ends.begin()
    const other = which === 'program' ? ends.database : ends.program
    other.resume()
    ends[which].resetAndDestroy()
    await once(other, 'end').catch(() => {})
    expect(await over).toMatchObject({ code: 'ECONNRESET' })
    expect([ends.local.destroyed, ends.upstream.destroyed]).toEqual([true, true])
  })

  it.each(['local', 'upstream'] as const)('closes the other side when %s is dead beforehand', async which => {
    const ends = await spliced()
    ends[which].destroy()
    await once(ends[which], 'close')
    await ends.begin()
    expect([ends.local.destroyed, ends.upstream.destroyed]).toEqual([true, true])
  })

  it('delivers what the database said before its reset', async () => {
    const { program, upstream, database, begin } = await spliced()
    const over = begin()
    database.write('last words')
    await once(upstream, 'data')
    database.resetAndDestroy()
    expect((await everything(program)).toString()).toBe('last words')
    program.end()
    await over
  })

  it('joins small parts of one turn into one write', async () => {
    const { program, local, upstream, begin } = await spliced()
    const over = begin()
    let writes = 0
    const write = local._write.bind(local)
    local._write = (...all) => (writes++, write(...all))
    for (let n = 0; n < 500; n++) upstream.emit('data', Buffer.from(`row ${n}\n`))
    const got = await once(program, 'data')
    expect(String(got[0])).toMatch(/^row 0\nrow 1\n[^]*row 499\n$/)
    expect(writes).toBe(1)
    program.resetAndDestroy()
    await over
  })
})

describe('a framed splice', () => {
  it('takes frames off and drops pings, fed byte by byte', async () => {
    const { program, upstream, database, begin } = await spliced(true)
    const over = begin()
    const framed: Buffer[] = [PING_FRAME]
    for (const text of ['one ', 'two ', 'three'])
      writeFrame({ write: (chunk: Buffer) => framed.push(chunk), cork: () => {}, uncork: () => {} } as unknown as Socket, Buffer.from(text))
    for (const byte of Buffer.concat([...framed, PING_FRAME])) upstream.emit('data', Buffer.from([byte]))
    database.end()
    expect((await everything(program)).toString()).toBe('one two three')
    program.end()
    expect(await over).toBeUndefined()
  })

  it('puts frames around small and large writes', async () => {
    const { program, database, begin } = await spliced(true)
    const over = begin()
    const whole = bytes(200_000)
    program.write(whole.subarray(0, 10))
    await new Promise(resolve => setTimeout(resolve, 20))
    program.end(whole.subarray(10))
    const reader = new PingFrameReader()
    const parts: Buffer[] = []
    reader.push(await everything(database), part => parts.push(part))
    expect(Buffer.concat(parts).equals(whole)).toBe(true)
    expect(reader.midFrame).toBe(false)
    database.end()
    expect(await over).toBeUndefined()
  })

  it('says so when the stream ends within a frame', async () => {
    const { program, database, begin } = await spliced(true)
    const over = begin()
    program.resume()
    program.once('end', () => program.end())
    database.end(Buffer.from([0, 0, 0, 9, 1]))
    expect(await over).toMatchObject({ code: 'wire/cut-short' })
  })
})
