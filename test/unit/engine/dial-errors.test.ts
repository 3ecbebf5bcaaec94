import { describe, expect, it } from 'vitest'
import { fromDialError, isCertificateRefusal } from '../../../electron/engine/dial-errors.ts'
import { PorticoError } from '../../../shared/errors.ts'

const coded = (code: string, cause?: unknown): Error => Object.assign(new Error('text is never looked at', { cause }), { code })

describe('an error while dialling', () => {
  it.each([
    ['ECONNREFUSED', 'proxy/unreachable'],
    ['ENOTFOUND', 'proxy/unreachable'],
    ['ETIMEDOUT', 'proxy/timeout'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'proxy/untrusted'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'proxy/untrusted'],
    ['CERT_HAS_EXPIRED', 'proxy/certificate-expired'],
    ['CERT_NOT_YET_VALID', 'proxy/clock'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'proxy/not-teleport'],
    ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'proxy/not-teleport'],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'proxy/refused'],
    ['ERR_SSL_SOMETHING_NEW', 'proxy/refused'],
    ['E_UNHEARD_OF', 'proxy/unreachable'],
  ])('%s becomes %s, wherever in the chain of causes it is', (code, expected) => {
    const nested = new AggregateError([new Error('first'), new Error('second', { cause: coded(code) })])
    for (const thrown of [coded(code), new Error('outer', { cause: coded(code) }), nested]) {
      const error = fromDialError(thrown, { proxy: 'p:443' })
      expect(error.code).toBe(expected)
      expect(error.facts['proxy']).toBe('p:443')
      expect(error.cause).toBe(thrown)
    }
  })

  it('of ours stays as it is', () => {
    const error = new PorticoError('proxy/timeout')
    expect(fromDialError(error, {})).toBe(error)
  })
})

describe('a refused certificate', () => {
  it.each([
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', true],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', true],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', true],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', true],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', false],
    ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', false],
    ['CERT_HAS_EXPIRED', false],
    ['ECONNRESET', false],
  ])('is told by alert %s: %s', (code, refused) => {
    expect(isCertificateRefusal(new Error('outer', { cause: coded(code) }))).toBe(refused)
  })
})
