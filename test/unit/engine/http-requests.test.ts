import { describe, expect, it } from 'vitest'
import { HttpRequests, type RequestVerdict } from '../../../electron/engine/http-requests.ts'

const PORT = 24017
const request = (head: string, ...lines: string[]): string => [head, ...lines, '', ''].join('\r\n')
const get = (...lines: string[]): string => request('GET /_search HTTP/1.1', ...lines)
const HOST = `Host: localhost:${PORT}`

/** Pushed in parts of `size`; the first verdict that is a refusal, else the last. */
function judge(text: string, size = text.length, port: number | undefined = PORT): RequestVerdict {
  const requests = new HttpRequests(port)
  const bytes = Buffer.from(text, 'latin1')
  let verdict: RequestVerdict = { state: 'more' }
  for (let at = 0; at < bytes.length; at += size) {
    verdict = requests.push(bytes.subarray(at, at + size))
    if (verdict.state === 'refused') return verdict
  }
  return verdict
}
const SANE = { state: 'sane' }
const refused = (status: number): unknown => ({ state: 'refused', status, why: expect.any(String) })

describe('a request to our own name', () => {
  it.each([
    'localhost:24017',
    'LocalHost:24017',
    '127.0.0.1:24017',
    '127.8.8.8:24017',
    '[::1]:24017',
    'logs.root.example.localhost:24017',
    'localhost.:24017',
  ])('%s passes', host => {
    expect(judge(get(`Host: ${host}`))).toEqual(SANE)
  })

  it.each([
    'evil.example:24017',
    'evil.example',
    'localhost',
    'localhost:24018',
    'localhost.evil.example:24017',
    'localhost:24017.evil.example',
    '127.0.0.1.evil.example:24017',
    'xlocalhost:24017',
    '[::2]:24017',
    '169.254.169.254:24017',
    'localhost:24017, evil.example',
    '',
  ])('%s is another name', host => {
    expect(judge(get(`Host: ${host}`))).toEqual(refused(403))
  })

  it('needs no port on port 80 and on a Unix socket, which no browser reaches', () => {
    expect(judge(get('Host: localhost'), 1_000, 80)).toEqual(SANE)
    expect(new HttpRequests(undefined).push(Buffer.from(get('Host: localhost')))).toEqual(SANE)
    expect(new HttpRequests(undefined).push(Buffer.from(get('Host: evil.example')))).toEqual(refused(403))
  })
})

describe('what a web page can send', () => {
  it.each([
    'Origin: https://evil.example',
    'Origin: null',
    'origin: http://localhost:24017',
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Mode: navigate',
    'Referer: https://evil.example/page',
    'Referer: http://localhost:24017@evil.example/',
    'User-Agent: Mozilla/5.0 (Macintosh) Safari/605.1.15',
  ])('%s is refused', line => {
    expect(judge(get(HOST, line))).toEqual(refused(403))
    // Also after a request that was well.
    expect(judge(get(HOST) + get(HOST, line))).toEqual(refused(403))
  })

  it('programs may send', () => {
    for (const agent of ['curl/8.5.0', 'python-requests/2.31', 'Mozilla/5.0 (Windows NT; Windows NT 10.0) WindowsPowerShell/5.1'])
      expect(judge(get(HOST, `User-Agent: ${agent}`, `Referer: http://localhost:${PORT}/_cat`))).toEqual(SANE)
  })
})

describe('requests one after the other', () => {
  const bodies = [
    get(HOST),
    `${request('POST /_bulk HTTP/1.1', HOST, 'Content-Length: 11')}{"a":"b"}\r\n`,
    `${request('PUT /x HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}5;q=1\r\nab\r\nc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n`,
    request('HEAD / HTTP/1.1', HOST, 'Content-Length: 0'),
    `\r\n${request('OPTIONS * HTTP/1.1', HOST)}`,
  ]
  const all = bodies.join('')

  it.each([1, 2, 3, 7, 64, 10_000])('are told apart when they come in parts of %s bytes', size => {
    expect(judge(all, size)).toEqual(SANE)
    expect(judge(all + get('Host: evil.example'), size)).toEqual(refused(403))
  })

  it('hide nothing in a body', () => {
    const hidden = get('Host: evil.example')
    expect(judge(request('POST / HTTP/1.1', HOST, `Content-Length: ${hidden.length}`) + hidden)).toEqual(SANE)
    expect(judge(request('POST / HTTP/1.1', HOST, `Content-Length: ${hidden.length - 1}`) + hidden + hidden)).toEqual(refused(400))
  })

  it('are undecided until the first head is whole', () => {
    const text = get(HOST)
    for (let length = 1; length < text.length; length++) expect(judge(text.slice(0, length))).toEqual({ state: 'more' })
  })
})

describe('what servers read differently', () => {
  it.each([
    ['two Hosts', get(HOST, 'Host: evil.example')],
    ['no HTTP', 'PING\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['another authority in the target', request('GET http://evil.example/ HTTP/1.1', HOST)],
    ['CONNECT', request('CONNECT evil.example:443 HTTP/1.1', HOST)],
    ['a folded line', get(HOST, ' Origin: x')],
    ['a space before the colon', get(HOST, 'Origin : x')],
    ['bare line feeds', `GET / HTTP/1.1\n${HOST}\nOrigin: x\n\n\r\n\r\n`],
    ['two lengths', request('POST / HTTP/1.1', HOST, 'Content-Length: 1', 'Content-Length: 2')],
    ['length and chunks', request('POST / HTTP/1.1', HOST, 'Content-Length: 1', 'Transfer-Encoding: chunked')],
    ['another coding', request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: xchunked')],
    ['a length that is none', request('POST / HTTP/1.1', HOST, 'Content-Length: +5')],
    ['a chunk that is none', `${request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}-1\r\n`],
    ['a chunk that goes on', `${request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}1\r\nabc\r\n`],
    ['a head without end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(40_000)}`],
  ])('%s is refused', (_what, text) => {
    expect(judge(text)).toEqual(refused(400))
    expect(judge(text, 5)).toEqual(refused(400))
  })

  it('a request without Host is refused', () => {
    expect(judge(get())).toEqual(refused(403))
  })
})
