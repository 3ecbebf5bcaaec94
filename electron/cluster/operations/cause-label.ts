/** What a connection that no handler got failed by, for the metrics: a closed list, since causes hold what strangers send. */
const KNOWN: Readonly<Record<string, string>> = {
  silent: 'silent',
  'slow ClientHello': 'slow-hello',
  'closed by the client': 'client-closed',
  'closed in the handshake': 'client-closed',
  'no handshake in time': 'slow-handshake',
  'unknown first bytes': 'unknown-protocol',
  'unknown ALPN': 'unknown-alpn',
  'unknown auth cluster': 'unknown-cluster',
  'too many connections': 'limit',
  'no certificate for a database': 'certificate-refused',
  'ACME challenge': 'acme-challenge',
  'longer than 16 KiB': 'bad-hello',
  ECONNRESET: 'client-closed',
  EPIPE: 'client-closed',
}

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/^client certificate: missing/, 'certificate-missing'],
  [/^client certificate: .*expired/, 'certificate-expired'],
  [/^client certificate/, 'certificate-refused'],
  [/ on this port$/, 'unknown-protocol'],
  [/ is off$/, 'service-off'],
  [/PROXY/, 'proxy-header'],
  [/NO_SHARED_CIPHER|UNSUPPORTED_PROTOCOL|VERSION/, 'tls-version'],
  [/NO_APPLICATION_PROTOCOL/, 'unknown-alpn'],
  [/^ERR_SSL|^ERR_TLS/, 'tls'],
  [/^malformed|^empty record|^no ClientHello|^no handshake record|^no TLS version|^two /, 'bad-hello'],
]

export function causeLabel(cause: string): string {
  if (Object.hasOwn(KNOWN, cause)) return KNOWN[cause]!
  return PATTERNS.find(([pattern]) => pattern.test(cause))?.[1] ?? 'other'
}
