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
