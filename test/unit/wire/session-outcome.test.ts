import { describe, expect, it } from 'vitest'
import { authenticationOk, errorResponse } from '../../../electron/wire/postgres.ts'
import { SessionOutcome } from '../../../electron/wire/session-outcome.ts'

/** Byte by byte, and at once: the same. */
function outcome(dbProtocol: string, ...parts: readonly (Buffer | string)[]): string {
  const bytes = Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))
  const slow = new SessionOutcome(dbProtocol)
  let last = 'more'
  for (const byte of bytes) if (last === 'more') last = slow.push(Buffer.from([byte]))
  expect(new SessionOutcome(dbProtocol).push(bytes)).toBe(last)
  return last
}

const mysql = (sequence: number, ...payload: number[]): Buffer => Buffer.from([payload.length, 0, 0, sequence, ...payload])

describe('a session that worked is told from one that was refused', () => {
  it('in Postgres, whatever was asked before', () => {
    for (const before of ['', 'N', 'NN']) {
      expect(outcome('postgres', before, authenticationOk())).toBe('worked')
      expect(outcome('cockroachdb', before, errorResponse({ message: 'access to db denied' }))).toBe('refused')
      if (before !== '') expect(outcome('postgres', before)).toBe('more')
    }
  })

  it('in MySQL, also after a change of method', () => {
    const greeting = mysql(0, 0x0a, 0x38, 0)
    expect(outcome('mysql', greeting)).toBe('more')
    expect(outcome('mysql', greeting, mysql(2, 0, 0, 0, 2, 0))).toBe('worked')
    expect(outcome('mysql', greeting, mysql(2, 0xfe, 0x61), mysql(4, 0, 0, 0))).toBe('worked')
    expect(outcome('mysql', greeting, mysql(2, 0xff, 0x51, 4))).toBe('refused')
  })

  it('in Redis, where errors of the database are answers like any', () => {
    expect(outcome('redis', '-ERR Teleport: access to db denied.\r\n')).toBe('refused')
    expect(outcome('redis', '-ERR unknown command\r\n')).toBe('worked')
    expect(outcome('redis', '+PONG\r\n')).toBe('worked')
    expect(outcome('redis', '-ERR Tele')).toBe('more')
  })

  it('in MongoDB, by the old reply that carries a refusal', () => {
    const message = (opcode: number, flags: number): Buffer => {
      const bytes = Buffer.alloc(24)
      bytes.writeInt32LE(24, 0)
      bytes.writeInt32LE(opcode, 12)
      bytes.writeInt32LE(flags, 16)
      return bytes
    }
    expect(outcome('mongodb', message(1, 2))).toBe('refused')
    expect(outcome('mongodb', message(1, 8))).toBe('worked')
    expect(outcome('mongodb', message(2013, 0))).toBe('worked')
  })

  it('in HTTP by its status, and elsewhere by an answer at all', () => {
    expect(outcome('elasticsearch', 'HTTP/1.1 200 OK\r\n')).toBe('worked')
    expect(outcome('elasticsearch', 'HTTP/1.1 404 Not Found\r\n')).toBe('worked')
    expect(outcome('elasticsearch', 'HTTP/1.1 403 Forbidden\r\n')).toBe('refused')
    expect(outcome('cassandra', Buffer.from([0x84]))).toBe('worked')
    expect(new SessionOutcome('sqlserver').push(Buffer.alloc(0))).toBe('more')
  })
})

it('does not collect without end', () => {
  const endless = new SessionOutcome('mysql')
  expect(endless.push(Buffer.from([0xff, 0xff, 0xff, 0, 0x0a]))).toBe('more')
  expect(endless.push(Buffer.alloc(70_000, 1))).toBe('refused')
})
