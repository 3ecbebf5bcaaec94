import { describe, expect, it } from 'vitest'
import { judgeFirstBytes } from '../../../electron/engine/early-bytes.ts'
import { encodeStartup, SSL_REQUEST } from '../../../electron/wire/postgres.ts'

describe('first bytes on a Postgres tunnel', () => {
  it('are sane for every packet that a client may begin with, once it is whole', () => {
    for (const packet of [SSL_REQUEST, encodeStartup({ user: 'reader' })]) {
      for (let length = 0; length <= packet.length; length++) {
        expect(judgeFirstBytes('postgres', 'authenticated', packet.subarray(0, length)).state).toBe(
          length < packet.length ? 'more' : 'sane',
        )
      }
    }
  })

  it.each([
    ['TLS', Buffer.from([0x16, 3, 1])],
    ['HTTP', Buffer.from('GET / HTTP/1.1')],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH')],
    ['something else', Buffer.from('Q')],
    ['something else', Buffer.from([0, 1, 0, 0])],
    ['something else', Buffer.from([0, 0, 0, 3])],
  ])('that are %s are named', (got, bytes) => {
    for (const mode of ['authenticated', 'passthrough'] as const)
      expect(judgeFirstBytes('cockroachdb', mode, bytes)).toEqual({ state: 'foreign', got })
  })
})

const verdict = (dbProtocol: string, text: string | Buffer, mode: 'authenticated' | 'passthrough' = 'authenticated') => {
  const found = judgeFirstBytes(dbProtocol, mode, Buffer.from(text as string))
  return found.state === 'foreign' ? found.got : found.state
}

describe('first bytes on other tunnels', () => {
  it('may be anything but TLS inside an authenticated tunnel', () => {
    const hello = Buffer.from([0x16, 3, 1])
    expect(verdict('redis', hello)).toBe('TLS')
    expect(verdict('redis', hello.subarray(0, 1))).toBe('more')
    expect(verdict('redis', 'PING\r\n')).toBe('sane')
    expect(verdict('sqlserver', Buffer.from([0x12, 1]))).toBe('sane')
    // A MongoDB message of 71 bytes begins with a `G`.
    expect(verdict('mongodb', Buffer.from([0x47, 0, 0, 0]))).toBe('sane')
  })

  it('are TLS and nothing else where the client brings the certificate', () => {
    expect(verdict('redis', Buffer.from([0x16, 3, 1]), 'passthrough')).toBe('sane')
    expect(verdict('redis', 'PING\r\n', 'passthrough')).toMatch(/does not begin with TLS/)
    expect(verdict('redis', 'POST / HTTP/1.1\r\n', 'passthrough')).toBe('HTTP')
  })

  it('that are a request in HTTP are known at its first line, as Redis knows them', () => {
    for (const start of ['POST /', 'PUT / HTTP/1.1', 'HEAD /', 'Host: x', 'host:', 'GET / HTTP/1.1\r\nHost: x', 'get http://x/ http/1.0\n'])
      expect([start, verdict('redis', start)]).toEqual([start, 'HTTP'])
    for (const part of ['P', 'POS', 'H', 'Hos', 'GET ', 'GET / HTTP/1.1']) expect([part, verdict('redis', part)]).toEqual([part, 'more'])
    for (const command of ['GET key\r\n', 'get HTTP/1.1x y\r\n', '*1\r\n$4\r\nPING\r\n', 'HGET a b\r\n', 'PUBLISH a b', 'DEL x'])
      expect([command, verdict('redis', command)]).toEqual([command, 'sane'])
    expect(verdict('redis', `GET ${'k'.repeat(9_000)}`)).toBe('sane')
  })

  it('of a MySQL client are its answer to the greeting', () => {
    expect(verdict('mysql', Buffer.from([0x20, 0, 0]))).toBe('more')
    expect(verdict('mysql', Buffer.from([0x20, 0, 0, 1]))).toBe('sane')
    expect(verdict('mysql', 'GET / HTTP/1.1')).toBe('HTTP')
    expect(verdict('mysql', Buffer.from([0x16, 3, 1, 2]))).toBe('TLS')
    expect(verdict('mysql', Buffer.from([0x20, 0, 0, 0]))).toBe('something else')
  })

  it('are foreign where it is the server’s turn', () => {
    for (const mode of ['authenticated', 'passthrough'] as const) {
      expect(judgeFirstBytes('mysql', mode, Buffer.alloc(0)).state).toBe('more')
      expect(judgeFirstBytes('mysql', mode, Buffer.from('GET / HTTP/1.1\r\n'))).toEqual({ state: 'foreign', got: 'HTTP' })
      expect(judgeFirstBytes('mysql', mode, Buffer.from([0x16, 3, 1]))).toEqual({ state: 'foreign', got: 'TLS' })
      expect(judgeFirstBytes('mysql', mode, Buffer.from([7, 0, 0, 0]))).toEqual({ state: 'foreign', got: 'something else' })
    }
  })
})
