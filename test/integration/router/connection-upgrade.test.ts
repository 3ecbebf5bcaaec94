import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALPN, PING_SUFFIX } from '../../../shared/protocols.ts'
import { pingFramed } from '../../../electron/cluster/router/ping-framed.ts'
import { OPCODE } from '../../../electron/wire/websocket.ts'
import { clientHello, eventually, type UnderTest } from './router-under-test.ts'
import { askInside, openUpgradable, request } from './upgrade-under-test.ts'
import { clientFrame, readServerFrames, WebSocketClient, type ServerFrame } from './websocket-client.ts'

let under: UnderTest
beforeAll(async () => {
  under = await openUpgradable()
})
afterAll(() => under.close())

const captured = (name: string): string => readFileSync(new URL(`../../vectors/web/captured/${name}`, import.meta.url), 'latin1')
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const webSocket = (...subprotocols: readonly string[]): readonly string[] => [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${KEY}`,
  ...(subprotocols.length === 0 ? [] : [`Sec-WebSocket-Protocol: ${subprotocols.join(', ')}`]),
]
const SAY = randomBytes(300_000)
const POSTGRES = { ALPNProtocols: [ALPN.postgres] }
const INSIDE = `CN=proxy-host ${ALPN.postgres} postgres true`

describe('an upgrade to', () => {
  it('alpn is answered as Teleport 13.0 did, and routed with the host certificate', async () => {
    const { head, stream } = await request(under.port, ['Connection: Upgrade', 'Upgrade: alpn'])
    expect(`${head}\r\n\r\n`).toBe(captured('upgrade-alpn.response.txt'))
    expect(await askInside(stream, POSTGRES, SAY)).toBe(INSIDE)
  })

  it('alpn needs no Connection header, as old clients send none', async () => {
    const { head, stream } = await request(under.port, ['Upgrade: alpn'])
    expect(`${head}\r\n\r\n`).toBe(captured('upgrade-alpn-no-connection.response.txt'))
    expect(await askInside(stream, POSTGRES, SAY)).toBe(INSIDE)
  })

  it.each([
    [['Upgrade: alpn-ping', 'Upgrade: alpn', 'X-Teleport-Upgrade: alpn-ping', 'Connection: Upgrade']],
    [['X-Teleport-Upgrade: ALPN-Ping']],
  ])('alpn-ping is answered as newer servers do: %j', async fields => {
    const { head, stream } = await request(under.port, fields)
    expect(head.split('\r\n')).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: alpn-ping',
      'X-Teleport-Upgrade: alpn-ping',
      'Connection: Upgrade',
    ])
    expect(await askInside(pingFramed(stream, 0), POSTGRES, SAY)).toBe(INSIDE)
  })

  it.each(['zero', 'random'] as const)('websocket works with masks of %s', async mask => {
    for (const subprotocol of ['alpn', 'alpn-ping']) {
      const { head, stream } = await request(under.port, webSocket(subprotocol))
      expect(head.split('\r\n')).toEqual([
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
        `Sec-WebSocket-Protocol: ${subprotocol}`,
      ])
      expect(await askInside(new WebSocketClient(stream, mask), POSTGRES, SAY)).toBe(INSIDE)
    }
  })

  it('websocket is preferred, and a subprotocol that is not known passed over', async () => {
    const { head, stream } = await request(under.port, [
      'X-Teleport-Upgrade: alpn-ping, websocket',
      ...webSocket('something-newer', 'alpn-ping'),
    ])
    expect(head).toContain('Sec-WebSocket-Protocol: alpn-ping')
    stream.destroy()
  })

  it('may be asked for under /v1 too', async () => {
    const { head, stream } = await request(under.port, ['Upgrade: alpn'], undefined, '/v1/webapi/connectionupgrade')
    expect(head).toContain('101')
    stream.destroy()
  })
})

describe('inside an upgrade', () => {
  it('every route is there: with ping framing, TLS in TLS and upgrades again', async () => {
    const ping = await request(under.port, ['Upgrade: alpn'])
    const secure = connectTls({ socket: ping.stream, rejectUnauthorized: false, ALPNProtocols: [ALPN.mysql + PING_SUFFIX] })
    const first = await new Promise<Buffer>(resolve => pingFramed(secure, 0).once('data', resolve))
    expect(first.toString()).toBe('mysql\n')
    secure.destroy()
    ping.stream.destroy()
  })

  it('the client is the one of the outer connection', async () => {
    const { stream } = await request(under.port, ['Upgrade: alpn'])
    const { localPort } = stream
    await askInside(stream, POSTGRES, SAY)
    expect(under.handed.at(-1)?.handshake.client).toEqual({ host: '127.0.0.1', port: localPort })
  })

  it('only TLS is taken', async () => {
    for (const bytes of ['0000000804d2162f', '5353482d322e302d', '50524f585920554e4b4e4f574e0d0a']) {
      const { stream } = await request(under.port, ['Upgrade: alpn'])
      const handed = under.handed.length
      stream.write(Buffer.from(bytes, 'hex'))
      stream.resume()
      await new Promise(resolve => stream.once('end', resolve))
      expect(under.handed.length).toBe(handed)
    }
  })

  it('what comes in the same packet as the request is not lost', async () => {
    const hello = await clientHello()
    const { stream } = await request(under.port, ['Upgrade: alpn'], hello)
    const answer = await new Promise<Buffer>(resolve => stream.once('data', resolve).resume())
    expect(answer[0]).toBe(0x16)
    stream.destroy()
  })

  it('an end of the handler comes as a close frame, an answer to it is awaited', async () => {
    const { stream } = await request(under.port, webSocket('alpn'))
    const client = new WebSocketClient(stream, 'random')
    const secure = connectTls({ socket: client, rejectUnauthorized: false, ...POSTGRES })
    await new Promise(resolve => secure.once('data', resolve))
    under.handed.at(-1)!.stream.end()
    secure.on('error', () => {})
    await eventually(() => client.closeStatus === 1_000, 4_000)
    await eventually(() => stream.destroyed || stream.readableEnded, 4_000)
    secure.destroy()
  })
})

const refusedBy = async (fields: readonly string[]): Promise<string> => {
  const { head, stream } = await request(under.port, fields)
  const body = await new Promise<Buffer>(resolve => stream.once('data', resolve).resume())
  stream.destroy()
  return `${head.split('\r\n')[0]} ${(JSON.parse(body.toString()) as { error: { message: string } }).error.message}`
}

describe('no upgrade', () => {
  it.each([
    [[], 'unsupported upgrade types: []'],
    [['Connection: Upgrade', 'Upgrade: h2c'], 'unsupported upgrade types: [h2c]'],
    [['Connection: Upgrade', 'Upgrade: a', 'X-Teleport-Upgrade: b'], 'unsupported upgrade types: [b a]'],
    [['Connection: Upgrade', 'Upgrade: websocket'], 'unsupported upgrade types: [websocket]'],
    [
      ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 8', `Sec-WebSocket-Key: ${KEY}`],
      'unsupported upgrade types: [websocket]',
    ],
  ])('is what %j gets', async (fields, words) => {
    expect(await refusedBy(fields)).toBe(`HTTP/1.1 404 Not Found ${words}`)
  })

  it('comes of an Upgrade header on another path: the request is answered', async () => {
    const { head, stream } = await request(under.port, ['Connection: Upgrade', 'Upgrade: websocket'], undefined, '/webapi/ping')
    expect(head).toContain('200 OK')
    stream.destroy()
  })

  it('comes of a WebSocket without a subprotocol that is known: closed with 1003 and the reason', async () => {
    for (const fields of [webSocket(), webSocket('something-else')]) {
      const { head, stream } = await request(under.port, fields)
      expect(head).not.toContain('Sec-WebSocket-Protocol')
      const bytes = await new Promise<Buffer>(resolve => stream.once('data', resolve).resume())
      expect(bytes.toString('latin1')).toBe('\x88\x1e\x03\xebunknown or empty subprotocol')
      await new Promise(resolve => stream.once('end', resolve))
    }
  })
})

describe('a WebSocket client that breaks the rules', () => {
  it.each([
    ['no mask', Buffer.from([0x82, 1, 0]), 1_002],
    ['reserved bits', clientFrame(OPCODE.binary | 0x40, Buffer.from('x')), 1_002],
    ['text', clientFrame(OPCODE.text, Buffer.from('x')), 1_003],
    ['a long ping', clientFrame(OPCODE.ping, Buffer.alloc(126)), 1_002],
    ['a ping in fragments', clientFrame(OPCODE.ping, Buffer.alloc(1), undefined, false), 1_002],
    ['a continuation of nothing', clientFrame(OPCODE.continuation, Buffer.alloc(1)), 1_002],
    ['an unknown opcode', clientFrame(11, Buffer.alloc(1)), 1_002],
    ['a length beyond everything', Buffer.from('82ffffffffffffffffff00000000', 'hex'), 1_002],
  ])('is closed: %s', async (_name, bytes, status) => {
    const { stream } = await request(under.port, webSocket('alpn'))
    const frames: ServerFrame[] = []
    let rest: Buffer = Buffer.alloc(0)
    stream.on('data', (chunk: Buffer) => (rest = readServerFrames(Buffer.concat([rest, chunk]), frame => frames.push(frame))))
    stream.write(bytes)
    stream.resume()
    await new Promise(resolve => stream.once('end', resolve).once('close', resolve))
    expect(frames.map(({ opcode, payload }) => [opcode, payload.readUInt16BE()])).toEqual([[OPCODE.close, status]])
    stream.destroy()
  })

  it('gets pongs for its pings, and nothing for its pongs', async () => {
    const { stream } = await request(under.port, webSocket('alpn-ping'))
    stream.write(Buffer.concat([clientFrame(OPCODE.pong, Buffer.from('x')), clientFrame(OPCODE.ping, Buffer.from('teleport'))]))
    const bytes = await new Promise<Buffer>(resolve => stream.once('data', resolve).resume())
    expect(bytes.toString('latin1')).toBe('\x8a\x08teleport')
    stream.destroy()
  })
})
