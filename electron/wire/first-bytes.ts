export type FirstBytes = 'tls' | 'postgres' | 'http' | 'ssh' | 'proxy-v1' | 'proxy-v2' | 'unknown'

/** Nothing is decided on fewer: the three Postgres packets and the PROXY v2 magic differ no earlier. Teleport: lib/multiplexer. */
export const FIRST_BYTES = 8

/** In the order in which they are tried. wire/router-config.md 2.2 */
const STARTS: readonly (readonly [start: Buffer, protocol: FirstBytes])[] = [
  [Buffer.from('PROXY'), 'proxy-v1'],
  [Buffer.from('0d0a0d0a000d0a51', 'hex'), 'proxy-v2'],
  [Buffer.from('Teleport'), 'ssh'], // `Teleport-Proxy`, the preamble before an SSH line
  [Buffer.from('SSH'), 'ssh'],
  [Buffer.from([0x16]), 'tls'],
  ...['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'].map(verb => [Buffer.from(verb), 'http'] as const),
  [Buffer.from('0000000804d2162f', 'hex'), 'postgres'], // SSLRequest
  [Buffer.from('0000001004d2162e', 'hex'), 'postgres'], // CancelRequest
  [Buffer.from('0000000804d21630', 'hex'), 'postgres'], // GSSENCRequest
]

/** Which protocol a client speaks, from its first {@link FIRST_BYTES} bytes. Fewer bytes are `unknown` unless they suffice. */
export function detectFirstBytes(bytes: Uint8Array): FirstBytes {
  for (const [start, protocol] of STARTS) {
    if (bytes.length >= start.length && start.every((byte, at) => bytes[at] === byte)) return protocol
  }
  return 'unknown'
}

const PREAMBLE = Buffer.from('Teleport-Proxy')
/** Teleport reads it in one go of 255 bytes; a tracing context may make it longer. */
const PREAMBLE_LIMIT = 1_024

/**
 * `Teleport-Proxy`, JSON and a zero may stand before an SSH line: skipped, as Teleport 13 does. wire/router-config.md 5.1
 * @returns its length, 0 when there is none, undefined while it is not whole
 */
export function sshPreambleLength(bytes: Uint8Array): number | undefined | 'malformed' {
  const start = Math.min(bytes.length, PREAMBLE.length)
  for (let at = 0; at < start; at++) if (bytes[at] !== PREAMBLE[at]) return 0
  const end = bytes.indexOf(0)
  if (end >= 0) return end < PREAMBLE.length || end >= PREAMBLE_LIMIT ? 'malformed' : end + 1
  return bytes.length < PREAMBLE_LIMIT ? undefined : 'malformed'
}
