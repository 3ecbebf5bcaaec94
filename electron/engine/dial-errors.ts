import { PorticoError, type ErrorCode, type Facts } from '../../shared/errors.ts'

/**
 * The one place that turns what Node, OpenSSL and BoringSSL throw while dialling into words of ours. Codes only, never
 * message texts; both libraries name alerts alike but for their prefix (toolchain.md 10).
 */

const CODES: Readonly<Record<string, readonly [ErrorCode, why?: string]>> = {
  ECONNREFUSED: ['proxy/unreachable', 'nothing listens there'],
  ENOTFOUND: ['proxy/unreachable', 'its name is unknown'],
  EAI_AGAIN: ['proxy/unreachable', 'its name could not be looked up'],
  EHOSTUNREACH: ['proxy/unreachable', 'there is no way to its network'],
  ENETUNREACH: ['proxy/unreachable', 'there is no way to its network'],
  EADDRNOTAVAIL: ['proxy/unreachable', 'there is no way to its network'],
  ENETDOWN: ['proxy/unreachable', 'the network is down'],
  EMFILE: ['proxy/unreachable', 'this computer allows no more open files'],
  ENFILE: ['proxy/unreachable', 'this computer allows no more open files'],
  ECONNRESET: ['proxy/refused'],
  EPIPE: ['proxy/refused'],
  ETIMEDOUT: ['proxy/timeout'],
  CERT_HAS_EXPIRED: ['proxy/certificate-expired'],
  CERT_NOT_YET_VALID: ['proxy/clock', 'the certificate of the proxy is not valid yet'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['proxy/untrusted', 'its certificate is for another name'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['proxy/untrusted'],
  SELF_SIGNED_CERT_IN_CHAIN: ['proxy/untrusted'],
  UNABLE_TO_GET_ISSUER_CERT: ['proxy/untrusted'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['proxy/untrusted'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['proxy/untrusted'],
  CERT_SIGNATURE_FAILURE: ['proxy/untrusted'],
  CERT_UNTRUSTED: ['proxy/untrusted'],
  CERT_REJECTED: ['proxy/untrusted'],
  CERT_REVOKED: ['proxy/untrusted', 'its certificate was revoked'],
  INVALID_CA: ['proxy/untrusted'],
  INVALID_PURPOSE: ['proxy/untrusted', 'its certificate is not for servers'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['proxy/not-teleport', 'it does not speak TLS'],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['proxy/not-teleport', 'it does not speak TLS'],
}

// 42 bad, 44 revoked, 45 expired, 46 unknown, 48 unknown authority: what a proxy says about *our* certificate.
const CERTIFICATE_ALERT = /ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_(?:EXPIRED|REVOKED|UNKNOWN)|UNKNOWN_CA)$/
const NO_ALPN = /ALERT_NO_APPLICATION_PROTOCOL$/

/** Codes of an error, of its causes and of the attempts of an AggregateError, outermost first. */
function* codesOf(thrown: unknown, depth = 0): Generator<string> {
  if (!(thrown instanceof Error) || depth > 5) return
  if ('code' in thrown && typeof thrown.code === 'string') yield thrown.code
  if (thrown instanceof AggregateError) for (const one of thrown.errors) yield* codesOf(one, depth + 1)
  yield* codesOf(thrown.cause, depth + 1)
}

/** Whether the other side refused the certificate that we showed. In TLS 1.3 this comes after the handshake. */
export function isCertificateRefusal(thrown: unknown): boolean {
  return [...codesOf(thrown)].some(code => CERTIFICATE_ALERT.test(code))
}

/** @param facts kept as they are; `why` is added where the code tells one */
export function fromDialError(thrown: unknown, facts: Facts): PorticoError {
  if (thrown instanceof PorticoError || (thrown instanceof Error && thrown.name === 'AbortError')) return PorticoError.from(thrown)
  for (const code of codesOf(thrown)) {
    const known = Object.hasOwn(CODES, code) ? CODES[code] : undefined
    if (known !== undefined) return new PorticoError(known[0], known[1] === undefined ? facts : { ...facts, why: known[1] }, thrown)
    if (NO_ALPN.test(code))
      return new PorticoError('proxy/not-teleport', { ...facts, why: 'it does not know this kind of database' }, thrown)
    const alert = /ALERT_(\w+)$/.exec(code)
    if (alert !== null)
      return new PorticoError('proxy/refused', { ...facts, why: `it said: ${alert[1]!.toLowerCase().replaceAll('_', ' ')}` }, thrown)
    if (code.startsWith('ERR_SSL_')) return new PorticoError('proxy/refused', { ...facts, why: 'TLS with it failed' }, thrown)
  }
  return new PorticoError('proxy/unreachable', facts, thrown)
}
