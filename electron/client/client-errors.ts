import { formatAddress, type Address } from '../../shared/address.ts'
import { PorticoError, type ErrorCode, type Facts } from '../../shared/errors.ts'

/** What networks and TLS say, in our words. The one place of client/ that reads errno and OpenSSL names; nobody matches message texts. */

type Meaning = readonly [code: ErrorCode, why: string]

const ERRNO: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: ['proxy/unreachable', 'nothing listens there'],
  ENOTFOUND: ['proxy/unreachable', 'there is no such name'],
  EAI_AGAIN: ['proxy/unreachable', 'its name could not be looked up'],
  EHOSTUNREACH: ['proxy/unreachable', 'there is no way to it from this network'],
  ENETUNREACH: ['proxy/unreachable', 'there is no way to it from this network'],
  ENETDOWN: ['proxy/unreachable', 'the network is down'],
  EHOSTDOWN: ['proxy/unreachable', 'there is no way to it from this network'],
  EADDRNOTAVAIL: ['proxy/unreachable', 'there is no way to it from this network'],
  ETIMEDOUT: ['proxy/unreachable', 'it does not answer'],
  EACCES: ['proxy/unreachable', 'this computer forbids the connection'],
  EPERM: ['proxy/unreachable', 'this computer forbids the connection'],
  ECONNRESET: ['proxy/refused', 'it closed the connection'],
  EPIPE: ['proxy/refused', 'it closed the connection'],
  ERR_STREAM_PREMATURE_CLOSE: ['proxy/refused', 'it closed the connection'],
}

/** BoringSSL, OpenSSL 3 of Node 20 and of Node 24 name alerts differently; this part is common. toolchain.md 10 */
const TLS: readonly (readonly [RegExp, Meaning])[] = [
  [/ALERT_CERTIFICATE_EXPIRED/, ['login/expired', 'the certificate of the sign-in has ended']],
  [
    /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_REVOKED|CERTIFICATE_REQUIRED|ACCESS_DENIED)/,
    ['login/expired', 'the cluster does not accept the certificate of the sign-in any more'],
  ],
  [/ALERT_NO_APPLICATION_PROTOCOL/, ['proxy/refused', 'it does not offer this service on this port']],
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|RECORD_TOO_LARGE|UNEXPECTED_RECORD|UNEXPECTED_MESSAGE/,
    ['proxy/not-teleport', 'it does not speak TLS there'],
  ],
  [/^HPE_/, ['proxy/not-teleport', 'it does not speak HTTP there']],
  [/^ERR_SSL_|^EPROTO$/, ['proxy/refused', 'the secure connection could not be made']],
]

/** A failed dial, handshake or exchange with the proxy at `address`. Ours pass through. */
export function connectionError(thrown: unknown, address: Address, facts: Facts = {}): PorticoError {
  const proxy = formatAddress(address)
  for (const name of errorNames(thrown)) {
    if (name instanceof PorticoError) return name
    const found = Object.hasOwn(ERRNO, name) ? ERRNO[name] : TLS.find(([pattern]) => pattern.test(name))?.[1]
    if (found !== undefined) return new PorticoError(found[0], { proxy, why: found[1], ...facts }, thrown)
  }
  return new PorticoError('proxy/refused', { proxy, why: 'the connection failed', ...facts }, thrown)
}

/** Codes along the causes, and of each address that was tried (Happy Eyeballs gives them in one AggregateError). */
function* errorNames(thrown: unknown, depth = 0): Generator<string | PorticoError> {
  if (thrown instanceof PorticoError) yield thrown
  if (!(thrown instanceof Error) || depth > 5) return
  if (thrown instanceof AggregateError) for (const inner of thrown.errors) yield* errorNames(inner, depth + 1)
  const { code } = thrown as NodeJS.ErrnoException
  if (typeof code === 'string') yield code
  yield* errorNames(thrown.cause, depth + 1)
}

/** One line of text that a server chose, safe to show: no control characters or text direction marks, no more than `limit` characters. */
export function serverWords(text: string, limit = 300): string {
  const clean = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim()
  return clean.length > limit ? `${clean.slice(0, limit)}…` : clean
}
