import { connect, createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALPN } from '../../../shared/protocols.ts'
import { ask, clientHello, eventually, openClient, openUnderTest, rawAsk, type UnderTest } from './router-under-test.ts'

const QUICK = { firstBytesMs: 120, clientHelloMs: 300, handshakeMs: 300 }

let under: UnderTest
let real: UnderTest
beforeAll(async () => {
  ;[under, real] = await Promise.all([openUnderTest({ limits: QUICK }), openUnderTest()])
})
afterAll(() => Promise.all([under.close(), real.close()]))

describe('a connection that does not say hello', () => {
  it.each([
    ['64 unknown bytes', 'deadbeef'.repeat(16)],
    ['64 zero bytes', '00'.repeat(64)],
    ['a TLS record of garbage', `1603010040${'ff'.repeat(64)}`],
    ['a TLS alert', '150301000201000000000000000000'],
    ['an SSLv2 hello', '802e0100020015000000100100800200800300800400800500800600400700c0'],
    ['HTTP', Buffer.from('GET /webapi/ping HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['HTTP/2 in clear', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['an SSH banner', Buffer.from('SSH-2.0-test\r\n')],
    ['a Postgres startup in clear', '00000021000300007573657200616c696365006461746162617365006170700000'],
    ['a megabyte of nonsense', Buffer.alloc(1 << 20, 0x55)],
  ])('ends with FIN at once after %s', async (_name, bytes) => {
    const { how, ms, bytes: answer } = await rawAsk(under.port, [bytes])
    expect(how).toBe('FIN')
    expect(ms).toBeLessThan(100)
    expect(answer.length).toBe(0)
  })

  it('ends with FIN when its first eight bytes do not come in a second', async () => {
    for (const parts of [[], ['16'], ['16030100c80100']]) {
      const { how, ms } = await rawAsk(under.port, parts)
      expect(how).toBe('FIN')
      expect(ms).toBeGreaterThan(100)
      expect(ms).toBeLessThan(290)
    }
    const { how, ms } = await rawAsk(real.port, ['16030100c80100'])
    expect(how).toBe('FIN')
    expect(ms).toBeGreaterThan(980)
    expect(ms).toBeLessThan(1_300)
  })

  it('ends with FIN when the rest of its hello does not come in five, however it drips', async () => {
    const { how, ms } = await rawAsk(under.port, ['16030100c8010000', ...Array.from({ length: 20 }, () => '00')], { gapMs: 40 })
    expect(how).toBe('FIN')
    expect(ms).toBeGreaterThan(280)
    expect(ms).toBeLessThan(480)
  })

  it('ends with FIN when it ends itself', async () => {
    const { how, ms } = await rawAsk(under.port, ['16030100c80100'], { fin: true })
    expect(how).toBe('FIN')
    expect(ms).toBeLessThan(100)
  })

  it('ends when the hello grows beyond 16 KiB', async () => {
    const { how, ms } = await rawAsk(under.port, [
      Buffer.from('1603010400' + '01007000', 'hex'),
      Buffer.alloc(0x3fc, 1),
      ...Array.from({ length: 20 }, () => Buffer.concat([Buffer.from('1603010400', 'hex'), Buffer.alloc(0x400, 1)])),
    ])
    expect(how).toBe('FIN')
    expect(ms).toBeLessThan(100)
  })

  it('ends when the handshake stops after a good hello', async () => {
    const { ms, bytes } = await rawAsk(under.port, [await clientHello()])
    expect(bytes.length).toBeGreaterThan(100)
    expect(ms).toBeGreaterThan(280)
    expect(ms).toBeLessThan(480)
  })
})

describe('a hello in pieces', () => {
  const answered = async (parts: readonly Buffer[], gapMs = 0): Promise<boolean> =>
    (await rawAsk(under.port, parts, { gapMs, waitMs: 400 })).bytes[0] === 0x16

  it('is answered when it is cut anywhere', async () => {
    const hello = await clientHello()
    const cuts = [1, 3, 5, 8, 9, 43, 60, hello.length - 1]
    const results = await Promise.all(cuts.map(cut => answered([hello.subarray(0, cut), hello.subarray(cut)], 30)))
    expect(results).toEqual(cuts.map(() => true))
  })

  it('is answered when records of one byte carry it', async () => {
    const hello = await clientHello()
    const message = hello.subarray(5)
    const records = Buffer.concat([...message].map(byte => Buffer.from([0x16, 3, 1, 0, 1, byte])))
    expect(await answered([records])).toBe(true)
    expect(await answered([records.subarray(0, 700), records.subarray(700)], 20)).toBe(true)
  })

  it('is answered when it comes byte by byte', async () => {
    const hello = await clientHello()
    expect(await answered([...hello].map(byte => Buffer.from([byte])))).toBe(true)
  })
})

describe('a client that resets', () => {
  const reset = async (prepare: (port: number) => Promise<{ resetAndDestroy(): unknown }>): Promise<void> => {
    const socket = await prepare(under.port)
    socket.resetAndDestroy()
    await new Promise(next => setTimeout(next, 20))
    expect((await ask(under.port, {})).bytes.toString()).toBe('web\n')
  }
  const raw =
    (bytes?: Buffer) =>
    (port: number): Promise<ReturnType<typeof connect>> =>
      new Promise(resolve => {
        const socket = connect({ port, host: '127.0.0.1' }, () =>
          bytes === undefined ? resolve(socket) : socket.write(bytes, () => setTimeout(() => resolve(socket), 10)),
        )
        socket.on('error', () => {})
      })
  it('before its first byte disturbs nobody', () => reset(raw()))
  it('inside its hello disturbs nobody', async () => reset(raw((await clientHello()).subarray(0, 50))))
  it('inside the handshake disturbs nobody', async () => reset(raw(await clientHello())))
  it('on the bare Postgres port disturbs nobody', () => reset(raw(Buffer.from('0000000804d2162f', 'hex'))))
  it.each([ALPN.http11, ALPN.postgres, `${ALPN.postgres}-ping`])('after its handshake for %s disturbs nobody', alpn =>
    reset(async port => {
      const socket = await raw()(port)
      await openClient(port, { socket, ALPNProtocols: [alpn] }).then(secure => secure.on('error', () => {}))
      return socket
    }),
  )
})

it.each(['TLSv1.2', 'TLSv1.3'] as const)('closes a %s connection whose records are damaged after the handshake', async version => {
  const upstream = connect({ port: under.port, host: '127.0.0.1' })
  const relay = createServer(
    local =>
      void local
        .on('error', () => {})
        .pipe(upstream)
        .pipe(local),
  )
  await new Promise<void>(next => relay.listen(0, '127.0.0.1', next))
  const secure = await openClient((relay.address() as AddressInfo).port, { minVersion: version, maxVersion: version })
  secure.on('error', () => {}).resume()
  const gone = new Promise(next => upstream.once('close', next))
  await new Promise(next => setTimeout(next, 20))
  upstream.write(Buffer.from(`1703030020${'ff'.repeat(32)}`, 'hex'))
  await gone
  secure.destroy()
  relay.close()
  await eventually(() => under.lines.some(({ cause }) => String(cause).startsWith('ERR_SSL_')))
})

it('refuses connections over the limit of an address, and takes new ones when others have gone', async () => {
  const small = await openUnderTest({ limits: { connectionsPerAddress: 3 } })
  const open = await Promise.all([1, 2, 3].map(() => openClient(small.port, {})))
  expect((await ask(small.port, {})).handshake).toBe(false)
  open[0]!.destroy()
  await eventually(() => small.lines.length > 0)
  expect((await ask(small.port, {})).bytes.toString()).toBe('web\n')
  open.forEach(socket => socket.destroy())
  await small.close()
})

it('survives handlers that throw, at once or later', async () => {
  const throwing = await openUnderTest({
    handlers: {
      web: () => {
        throw new Error('at once')
      },
      postgres: async () => {
        await Promise.resolve()
        throw new Error('later')
      },
      database: () => {},
      auth: () => {},
    },
  })
  for (const alpn of [ALPN.http11, ALPN.postgres]) {
    expect(await ask(throwing.port, { ALPNProtocols: [alpn] })).toMatchObject({ handshake: true, ended: true })
  }
  await throwing.close()
})

it('opens and drops a thousand connections and keeps nothing of them', { timeout: 30_000 }, async () => {
  const dropped = await openUnderTest()
  const hello = await clientHello()
  const one = (index: number): Promise<void> =>
    new Promise(resolve => {
      const socket = connect({ port: dropped.port, host: '127.0.0.1' }, () => {
        if (index % 4 > 0) socket.write(hello.subarray(0, index % 4 === 1 ? 3 : index % 4 === 2 ? 100 : hello.length))
        setTimeout(() => (index % 2 === 0 ? socket.destroy() : socket.resetAndDestroy()), index % 7)
      })
      socket.on('error', () => {}).once('close', () => resolve())
    })
  for (let batch = 0; batch < 5; batch++) await Promise.all(Array.from({ length: 200 }, (_, index) => one(index)))
  await eventually(() => dropped.lines.length === 1_000, 5_000)
  expect((await ask(dropped.port, {})).bytes.toString()).toBe('web\n')
  await dropped.close()
})

describe('close', () => {
  it('stops accepting at once and lets open connections end by themselves', async () => {
    const draining = await openUnderTest()
    const socket = await openClient(draining.port, { ALPNProtocols: [ALPN.postgres] })
    await new Promise(next => socket.once('data', next))
    const closed = draining.router.close(5_000)
    expect(draining.router.close()).toBe(closed)
    expect((await rawAsk(draining.port, ['16'])).how).toBe('RST')
    const echoed = new Promise<Buffer>(next => socket.once('data', next))
    socket.write('still here')
    expect((await echoed).toString()).toBe('still here')
    socket.end()
    await closed
  })

  it('cuts what is open when the time is over', async () => {
    const draining = await openUnderTest()
    const socket = await openClient(draining.port, {})
    socket.on('error', () => {})
    const gone = new Promise(next => socket.once('close', next))
    socket.resume()
    const started = performance.now()
    await draining.router.close(100)
    expect(performance.now() - started).toBeLessThan(500)
    await gone
  })
})

it('names the address when the port is taken', async () => {
  const { host, port } = under.router.address
  await expect(openUnderTest({ listen: { host, port } })).rejects.toMatchObject({
    code: 'cluster/config',
    facts: { address: `${host}:${port}`, why: 'EADDRINUSE' },
  })
})
