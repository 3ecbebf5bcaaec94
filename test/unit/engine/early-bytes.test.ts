import { describe, expect, it } from 'vitest'
import { judgeFirstBytes } from '../../../electron/engine/early-bytes.ts'
import { encodeStartup, SSL_REQUEST } from '../../../electron/wire/postgres.ts'

describe('first bytes on a Postgres tunnel', () => {
  it('are sane for every packet that a client may begin with, and undecided while fewer than four', () => {
    for (const packet of [SSL_REQUEST, encodeStartup({ user: 'reader' })]) {
      for (let length = 0; length <= packet.length; length++) {
        expect(judgeFirstBytes('postgres', 'authenticated', packet.subarray(0, length)).state).toBe(length < 4 ? 'more' : 'sane')
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

describe('first bytes on other tunnels', () => {
  it('may be anything but TLS inside an authenticated tunnel', () => {
    const hello = Buffer.from([0x16, 3, 1])
    expect(judgeFirstBytes('redis', 'authenticated', hello)).toEqual({ state: 'foreign', got: 'TLS' })
    expect(judgeFirstBytes('redis', 'authenticated', hello.subarray(0, 1)).state).toBe('more')
    expect(judgeFirstBytes('redis', 'passthrough', hello).state).toBe('sane')
    expect(judgeFirstBytes('redis', 'authenticated', Buffer.from('PING\r\n')).state).toBe('sane')
  })

  it('are foreign where it is the server’s turn', () => {
    for (const mode of ['authenticated', 'passthrough'] as const) {
      expect(judgeFirstBytes('mysql', mode, Buffer.alloc(0)).state).toBe('more')
      expect(judgeFirstBytes('mysql', mode, Buffer.from('GET / HTTP/1.1\r\n'))).toEqual({ state: 'foreign', got: 'HTTP' })
      expect(judgeFirstBytes('mysql', mode, Buffer.from([0x16, 3, 1]))).toEqual({ state: 'foreign', got: 'TLS' })
      expect(judgeFirstBytes('mysql', mode, Buffer.from([7]))).toEqual({ state: 'foreign', got: 'something else' })
    }
  })
})
