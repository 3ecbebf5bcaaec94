import { describe, expect, it } from 'vitest'
import { connectionError, serverWords } from '../../../electron/client/client-errors.ts'
import { PorticoError } from '../../../shared/errors.ts'

const address = { host: 'tp.example', port: 443 }
const failed = (code: string, cause?: unknown): Error => Object.assign(new Error(code, { cause }), { code })
const codeOf = (thrown: unknown): string => connectionError(thrown, address).code

describe('what a connection failed with', () => {
  it('is told from the names of the system', () => {
    expect(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ETIMEDOUT'].map(code => codeOf(failed(code)))).toEqual(
      Array(4).fill('proxy/unreachable'),
    )
    expect(['ECONNRESET', 'EPIPE'].map(code => codeOf(failed(code)))).toEqual(Array(2).fill('proxy/refused'))
  })

  it('is told from TLS alerts as each runtime names them', () => {
    for (const name of [
      'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
      'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED',
      'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      'ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED',
      'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
    ]) {
      expect(codeOf(failed(name))).toBe('login/expired')
    }
    expect(codeOf(failed('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'))).toBe('proxy/refused')
    expect(codeOf(failed('ERR_SSL_WRONG_VERSION_NUMBER'))).toBe('proxy/not-teleport')
    expect(codeOf(failed('HPE_INVALID_CONSTANT'))).toBe('proxy/not-teleport')
  })

  it('is found behind causes, and in any of the addresses that were tried', () => {
    expect(codeOf(failed('ERR_HTTP2_STREAM_CANCEL', failed('ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED')))).toBe('login/expired')
    expect(codeOf(new AggregateError([failed('ECONNREFUSED'), failed('ENETUNREACH')]))).toBe('proxy/unreachable')
    const ring = failed('WHATEVER')
    ring.cause = ring
    expect(codeOf(ring)).toBe('proxy/refused')
    expect(codeOf('a string')).toBe('proxy/refused')
  })

  it('keeps what was already put in our words', () => {
    const ours = new PorticoError('proxy/timeout', { proxy: 'x' })
    expect(connectionError(new Error('wrapped', { cause: ours }), address)).toBe(ours)
  })
})

describe('words of a server', () => {
  it('lose control characters and text direction marks, and are cut', () => {
    expect(serverWords('\u001b[31mred\u001b[0m\r\nline \u202egnp.exe')).toBe('[31mred [0m line  gnp.exe')
    expect(serverWords('x'.repeat(1_000))).toHaveLength(301)
  })
})
