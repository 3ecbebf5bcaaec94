import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, openUnderTest, rawAsk, type UnderTest } from './router-under-test.ts'

interface ProxyRow {
  readonly name: string
  readonly hex: string
  readonly ours: 'closed' | 'unknown' | { readonly host: string; readonly port: number }
}
const rows = JSON.parse(readFileSync(new URL('../../vectors/router/proxy-headers.json', import.meta.url), 'utf8')) as readonly ProxyRow[]
const V1 = Buffer.from('PROXY TCP4 203.0.113.9 198.51.100.1 51000 443\r\n')

let on: UnderTest
let off: UnderTest
let narrow: UnderTest
beforeAll(async () => {
  ;[on, off, narrow] = await Promise.all([
    openUnderTest({ proxyProtocol: 'on', plainSsh: 'reverse-tunnel', redirectHttp: true, limits: { connectionsPerAddress: 4 } }),
    openUnderTest(),
    openUnderTest({ proxyProtocol: 'on', proxyProtocolFrom: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1'] }),
  ])
})
afterAll(() => Promise.all([on.close(), off.close(), narrow.close()]))

/** TLS behind `head`. @returns what the handler said, or how it ended */
function askBehind(port: number, head: Buffer, gapMs = 0): Promise<string> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.write(head)
      setTimeout(() => {
        if (socket.destroyed || socket.readableEnded) return
        const secure = connectTls({ socket, servername: 'localhost', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
        secure.once('data', data => {
          resolve(data.toString().trim())
          secure.destroy()
        })
        secure.on('error', () => resolve('closed')).once('close', () => resolve('closed'))
      }, gapMs)
    })
    socket
      .on('error', () => resolve('closed'))
      .once('end', () => resolve('closed'))
      .once('close', () => resolve('closed'))
  })
}

describe('a PROXY header before TLS', () => {
  it.each(rows)('$name', async ({ hex, ours }) => {
    const before = on.handed.length
    expect(await askBehind(on.port, Buffer.from(hex, 'hex'))).toBe(ours === 'closed' ? 'closed' : 'web')
    if (ours === 'closed') return expect(on.handed.length).toBe(before)
    const { client } = on.handed.at(-1)!.handshake
    if (ours === 'unknown') expect(client.host).toBe('127.0.0.1')
    else expect(client).toEqual(ours)
  })

  it('may come a while before the rest, and in pieces, within the same second', async () => {
    expect(await askBehind(on.port, V1, 300)).toBe('web')
    expect(
      (await rawAsk(on.port, [V1.subarray(0, 20), V1.subarray(20), '0000000804d2162f'], { gapMs: 150, waitMs: 600 })).bytes.toString(),
    ).toContain('postgres')
    const late = await rawAsk(on.port, [V1, '16030100c8010000'], { gapMs: 1_300, waitMs: 2_000 })
    expect([late.how, late.ms > 950 && late.ms < 1_250]).toEqual(['FIN', true])
  })

  it('alone is ended when the second is over', async () => {
    const { how, ms } = await rawAsk(on.port, [V1], { waitMs: 2_000 })
    expect([how, ms > 950 && ms < 1_250]).toEqual(['FIN', true])
  })

  it('shows in the log line, with who sent it', async () => {
    await askBehind(on.port, V1)
    await eventually(() => on.lines.some(line => line['peer'] === '203.0.113.9:51000' && String(line['via']).startsWith('127.0.0.1:')))
  })

  it('closes the connection where none is taken', async () => {
    expect(await askBehind(off.port, V1)).toBe('closed')
    expect(await askBehind(narrow.port, V1)).toBe('closed')
    expect(await askBehind(narrow.port, Buffer.alloc(0))).toBe('web')
    await eventually(() => narrow.lines.some(line => line['cause'] === 'no PROXY header from there'))
  })

  it('is taken from the blocks that are named', async () => {
    const local = await openUnderTest({ proxyProtocol: 'on', proxyProtocolFrom: ['127.0.0.0/8'] })
    expect(await askBehind(local.port, V1)).toBe('web')
    await local.close()
  })

  it('makes the connection count for the client, not for the balancer', async () => {
    const open = await Promise.all(
      Array.from(
        { length: 6 },
        (_, index) =>
          new Promise<ReturnType<typeof connect>>(resolve => {
            const socket = connect({ port: on.port, host: '127.0.0.1' }, () => {
              socket.write(
                Buffer.concat([
                  Buffer.from(`PROXY TCP4 198.18.0.${index % 3} 198.51.100.1 51000 443\r\n`),
                  Buffer.from('0000000804d2162f', 'hex'),
                ]),
              )
            })
            socket.once('data', () => resolve(socket)).on('error', () => {})
          }),
      ),
    )
    const many = (
      await Promise.all([0, 1, 2].map(() => askBehind(on.port, Buffer.from('PROXY TCP4 198.18.0.0 198.51.100.1 51000 443\r\n'))))
    ).filter(answer => answer === 'closed')
    expect(many.length).toBeLessThanOrEqual(1)
    open.forEach(socket => socket.destroy())
  })
})

it.each([['nonsense'], ['10.0.0.0/33'], ['10.0.0.0/8/8'], ['10.0.0.0/x'], ['2001:db8::/129']])(
  'names the block %s that is none',
  async block => {
    await expect(openUnderTest({ proxyProtocol: 'on', proxyProtocolFrom: [block] })).rejects.toMatchObject({ code: 'cluster/config' })
  },
)

describe('SSH in clear', () => {
  const LINE = 'SSH-2.0-test\r\n'
  it('goes to the reverse tunnel where the router is told so, without the preamble', async () => {
    for (const preamble of ['', 'Teleport-Proxy{"clientAddr":"1.2.3.4:5"}\0']) {
      const { bytes } = await rawAsk(on.port, [Buffer.from(preamble + LINE)], { waitMs: 150 })
      expect(bytes.toString()).toBe(`reverse-tunnel\n${LINE}`)
    }
    const behind = await rawAsk(on.port, [Buffer.concat([V1, Buffer.from('Teleport-Proxy{}')]), Buffer.from(`\0${LINE}`)], {
      gapMs: 50,
      waitMs: 300,
    })
    expect(behind.bytes.toString()).toBe(`reverse-tunnel\n${LINE}`)
  })

  it('is closed otherwise, and so is a preamble without end', async () => {
    expect((await rawAsk(off.port, [Buffer.from(LINE)])).how).toBe('FIN')
    const endless = await rawAsk(on.port, [Buffer.from(`Teleport-Proxy${'x'.repeat(2_000)}`)])
    expect([endless.how, endless.ms < 200]).toEqual(['FIN', true])
  })
})

describe('HTTP in clear', () => {
  const asked = async (port: number, request: string): Promise<string> => (await rawAsk(port, [Buffer.from(request)])).bytes.toString()
  it('is sent to https, on the same host and port', async () => {
    const answer = await asked(on.port, 'GET /web/login?x=1 HTTP/1.1\r\nHost: proxy.example:3080\r\n\r\n')
    expect(answer).toBe(
      'HTTP/1.1 308 Permanent Redirect\r\nLocation: https://proxy.example:3080/web/login?x=1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    )
    expect(await asked(on.port, 'HEAD / HTTP/1.0\r\nHOST: [::1]:3080\r\n\r\n')).toContain('Location: https://[::1]:3080/\r\n')
  })

  it.each([
    ['POST', 'POST / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['a host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['a host with a user', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n'],
    ['another form of target', 'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target with a control byte', 'GET /\n HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a head without end', `GET / HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(2_000)}`],
  ])('is closed without a word: %s', async (_name, request) => expect(await asked(on.port, request)).toBe(''))

  it('is closed without a word where the router is not told so', async () => {
    expect(await asked(off.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('')
  })
})
