import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Trust } from '../../../electron/client/client.ts'
import { candidatesOf, lookAtProxy } from '../../../electron/client/look-at-proxy.ts'
import { webAddress } from '../../../electron/client/ping.ts'
import { webRequest } from '../../../electron/client/web-request.ts'
import { caPin } from '../../../electron/wire/x509.ts'
import { makeCertificates, type TestCertificates } from '../../kit/certificates.ts'
import { capturedAnswer, capturedResponse } from '../../vectors/client/captured.ts'
import { httpAnswer, openCapturedProxy, openTcpServer, pingAnswer, type CapturedProxy, type Serve } from './captured-proxy.ts'

const HOUR = 3_600_000
let certificates: TestCertificates
let trust: Trust
beforeAll(async () => {
  certificates = await makeCertificates()
  trust = { extraRoots: [certificates.webRoot], caPin: undefined, insecure: false }
})
const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(server => server.close()))
})

const ping: Serve = ({ path }) =>
  path === '/webapi/auth/export?type=tls-host' ? httpAnswer(capturedAnswer('auth-export-tls-host').text) : pingAnswer()
async function proxy(serve: Serve = ping, options: Parameters<TestCertificates['server']>[0] = {}): Promise<CapturedProxy> {
  const server = await openCapturedProxy(await certificates.server(options), serve)
  opened.push(server)
  return server
}
const untrusting: Trust = { extraRoots: [], caPin: undefined, insecure: false }

describe('looking at a proxy', () => {
  it('tells what it is, and sends its name as SNI', async () => {
    const { port, names, heads } = await proxy()
    expect(await lookAtProxy(`https://localhost:${port}/web`, trust)).toMatchObject({
      cluster: 'root.example',
      webProxy: { host: 'localhost', port },
    })
    expect(names).toEqual(['localhost'])
    expect(heads[0]).toMatch(new RegExp(`^GET /webapi/ping HTTP/1.1\\r\\nHost: localhost:${port}\\r\\n`))
  })

  it('sends no SNI to an IP address', async () => {
    const { port, names } = await proxy()
    expect((await lookAtProxy(`127.0.0.1:${port}`, trust)).webProxy).toEqual({ host: '127.0.0.1', port })
    expect(names).toEqual([false])
  })

  it('shows the certificate that is not trusted', async () => {
    const { port, heads } = await proxy()
    await expect(lookAtProxy(`localhost:${port}`, untrusting)).rejects.toMatchObject({
      code: 'proxy/untrusted',
      facts: {
        proxy: `localhost:${port}`,
        fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
        subject: 'localhost',
        issuer: 'web.test',
      },
    })
    expect(heads).toEqual([])
  })

  it('refuses a certificate for another name', async () => {
    const { port } = await proxy(ping, { names: ['other.test'] })
    await expect(lookAtProxy(`localhost:${port}`, trust)).rejects.toMatchObject({
      code: 'proxy/untrusted',
      facts: { why: expect.stringContaining('other.test') },
    })
  })

  it('takes an unknown certificate when the host CA has the pin, and asks for nothing else before that', async () => {
    const { port, heads } = await proxy()
    const pin = caPin(capturedAnswer('auth-export-tls-host').text)
    expect(await lookAtProxy(`localhost:${port}`, { ...untrusting, caPin: pin })).toMatchObject({ cluster: 'root.example' })
    expect(heads.map(head => head.split(' ')[1])).toEqual(['/webapi/auth/export?type=tls-host', '/webapi/ping'])
    await expect(lookAtProxy(`localhost:${port}`, { ...untrusting, caPin: `sha256:${'a'.repeat(64)}` })).rejects.toMatchObject({
      code: 'proxy/pin-mismatch',
    })
  })

  it('skips verification on loopback only', async () => {
    const { port } = await proxy()
    expect(await lookAtProxy(`127.0.0.1:${port}`, { ...untrusting, insecure: true })).toMatchObject({ cluster: 'root.example' })
    await expect(lookAtProxy('proxy.invalid:443', { ...untrusting, insecure: true })).rejects.toMatchObject({ code: 'usage/invalid' })
  })

  it('says when the certificate expired', async () => {
    const { port } = await proxy(ping, { now: Date.now() - 3 * HOUR, notAfter: Date.now() - HOUR })
    await expect(lookAtProxy(`localhost:${port}`, trust)).rejects.toMatchObject({
      code: 'proxy/certificate-expired',
      facts: { notAfter: expect.stringMatching(/^20.*Z$/) },
    })
  })

  it('says that the clock is wrong when the proxy tells another time', async () => {
    const there = new Date(Date.now() - 2 * HOUR)
    const { port } = await proxy(() => pingAnswer({ date: there }), { now: Date.now() - 3 * HOUR, notAfter: Date.now() - HOUR })
    await expect(lookAtProxy(`localhost:${port}`, trust)).rejects.toMatchObject({
      code: 'proxy/clock',
      facts: { here: expect.any(String), there: `${there.toISOString().slice(0, 19)}Z` },
    })
  })

  it('says that the clock is wrong when the certificate begins in the future', async () => {
    const { port } = await proxy(ping, { now: Date.now() + HOUR, notAfter: Date.now() + 2 * HOUR })
    await expect(lookAtProxy(`localhost:${port}`, trust)).rejects.toMatchObject({
      code: 'proxy/clock',
      facts: { here: expect.any(String), there: expect.any(String) },
    })
  })

  for (const [what, answer] of [
    ['a page', httpAnswer('<html><h1>It works!</h1></html>', 'text/html')],
    ['other JSON', httpAnswer('{"hello":1}', 'application/json')],
    ['an error page', httpAnswer('<h1>Bad gateway</h1>', 'text/html', new Date(), '502 Bad Gateway')],
    ['garbage', Buffer.from('hello\r\n\r\n')],
    ['a redirect', capturedResponse('unknown-host')],
  ] as const) {
    it(`takes no server for a proxy that answers ${what}`, async () => {
      const { port } = await proxy(() => answer)
      await expect(lookAtProxy(`localhost:${port}`, trust)).rejects.toMatchObject({
        code: 'proxy/not-teleport',
        facts: { proxy: `localhost:${port}` },
      })
    })
  }

  it('stops at an answer without end', async () => {
    const { port } = await proxy((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const timer = setInterval(() => socket.write(Buffer.alloc(32 * 1024, ' ')), 1)
      socket.once('close', () => clearInterval(timer))
      return undefined
    })
    await expect(lookAtProxy(`localhost:${port}`, trust)).rejects.toMatchObject({ code: 'wire/too-long' })
  })

  it('gives up on silence, before and after the handshake', async () => {
    const silent = await openTcpServer(() => {})
    opened.push(silent)
    const mute = await proxy(() => undefined)
    for (const port of [silent.port, mute.port]) {
      const ask = webRequest({
        address: { host: 'localhost', port },
        trust,
        method: 'GET',
        path: '/webapi/ping',
        limit: 1_000,
        deadlineMs: 300,
      })
      await expect(ask).rejects.toMatchObject({ code: 'proxy/timeout', facts: { proxy: `localhost:${port}` } })
    }
  })

  it('says what kind of port it met', async () => {
    const plain = await openTcpServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const rude = await openTcpServer(socket => socket.once('data', () => socket.resetAndDestroy()))
    const shut = await openTcpServer(() => {})
    opened.push(plain, rude)
    await shut.close()
    await expect(lookAtProxy(`localhost:${plain.port}`, trust)).rejects.toMatchObject({ code: 'proxy/not-teleport' })
    await expect(lookAtProxy(`localhost:${rude.port}`, trust)).rejects.toMatchObject({ code: 'proxy/refused' })
    await expect(lookAtProxy(`localhost:${shut.port}`, trust)).rejects.toMatchObject({
      code: 'proxy/unreachable',
      facts: { why: 'nothing listens there' },
    })
    await expect(lookAtProxy(`nowhere.invalid:${shut.port}`, trust)).rejects.toMatchObject({ code: 'proxy/unreachable' })
  })

  it('is cancelled at once', async () => {
    const silent = await openTcpServer(() => {})
    opened.push(silent)
    const abort = new AbortController()
    const looking = lookAtProxy(`localhost:${silent.port}`, trust, abort.signal)
    setTimeout(() => abort.abort(), 20)
    await expect(looking).rejects.toMatchObject({ code: 'app/cancelled' })
    await expect(lookAtProxy(`localhost:${silent.port}`, trust, AbortSignal.abort())).rejects.toMatchObject({ code: 'app/cancelled' })
  })
})

describe('an address without a port', () => {
  it('means the first of the usual ports that is a proxy', async () => {
    const [page, real] = [await proxy(() => httpAnswer('<html>')), await proxy()]
    for (const ports of [
      [page.port, real.port],
      [real.port, page.port],
    ]) {
      expect(await lookAtProxy('localhost', trust, undefined, { ports })).toMatchObject({ webProxy: { port: real.port } })
    }
  })

  it('does not wait for a port that stays silent', async () => {
    const silent = await openTcpServer(() => {})
    opened.push(silent)
    const real = await proxy()
    expect(await lookAtProxy('localhost', trust, undefined, { ports: [silent.port, real.port] })).toMatchObject({
      webProxy: { port: real.port },
    })
  })

  it('fails with what tells most', async () => {
    const shut = await openTcpServer(() => {})
    await shut.close()
    await expect(lookAtProxy('localhost', trust, undefined, { ports: [shut.port, shut.port] })).rejects.toMatchObject({
      code: 'proxy/unreachable',
      facts: { proxy: 'localhost', why: `nothing listens there (ports ${shut.port} and ${shut.port} were tried)` },
    })
    const real = await proxy()
    await expect(lookAtProxy('localhost', untrusting, undefined, { ports: [real.port, shut.port] })).rejects.toMatchObject({
      code: 'proxy/untrusted',
    })
  })

  it('is read in every form people type', () => {
    expect(candidatesOf('tp.example')).toEqual([
      { host: 'tp.example', port: 3080 },
      { host: 'tp.example', port: 443 },
    ])
    expect(candidatesOf(' https://tp.example/web/login ')).toEqual(candidatesOf('tp.example'))
    expect(candidatesOf('tp.example:8443')).toEqual([{ host: 'tp.example', port: 8443 }])
    expect(candidatesOf('[::1]:443')).toEqual([{ host: '::1', port: 443 }])
    expect(candidatesOf('10.0.0.1')).toEqual([
      { host: '10.0.0.1', port: 3080 },
      { host: '10.0.0.1', port: 443 },
    ])
    for (const wrong of ['', ':443', 'a b', 'host:0', 'host:70000'])
      expect(() => candidatesOf(wrong)).toThrow(expect.objectContaining({ code: 'usage/invalid' }))
  })
})

describe('the address that a proxy announces', () => {
  const typed = { host: 'typed.example', port: 443 }
  for (const [announced, host, port] of [
    ['tp.example:443', 'tp.example', 443],
    ['tp.example', 'tp.example', 3080],
    ['', 'typed.example', 443],
    ['0.0.0.0:8443', 'typed.example', 8443],
    ['[::]:8443', 'typed.example', 8443],
    [':8443', 'typed.example', 8443],
    ['[fd00::1]:443', 'fd00::1', 443],
    ['not an address', 'typed.example', 443],
  ] as const) {
    it(`"${announced}" means ${host}:${port}`, () => expect(webAddress(announced, typed)).toEqual({ host, port }))
  }
})
