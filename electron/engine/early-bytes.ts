import type { Socket } from 'node:net'
import type { TunnelMode } from '../../shared/state.ts'
import { ALPN, DATABASE_PROTOCOLS } from '../../shared/protocols.ts'
import { detectFirstBytes } from '../wire/first-bytes.ts'
import { FIRST_PACKET_LIMIT } from '../wire/postgres.ts'

/** Reading stops at this much until the upstream takes over; it is also the most that is said again after a refusal. */
export const EARLY_LIMIT = 64 * 1024

/** `foreign`: a program that speaks something else came to this port; `got` is that, in words. */
export type FirstBytesVerdict =
  | { readonly state: 'more' }
  | { readonly state: 'sane' }
  | { readonly state: 'foreign'; readonly got: string }

const NAMES: Readonly<Record<string, string>> = { tls: 'TLS', http: 'HTTP', ssh: 'SSH', 'proxy-v1': 'PROXY v1', 'proxy-v2': 'PROXY v2' }

/**
 * Whether a local program speaks what this tunnel carries. Not a parser: it catches a browser or a TLS client on the
 * wrong port, where the database would only hang up.
 */
export function judgeFirstBytes(dbProtocol: string, mode: TunnelMode, bytes: Buffer): FirstBytesVerdict {
  const row = DATABASE_PROTOCOLS[dbProtocol]
  if (row?.alpn === ALPN.postgres) {
    if (bytes.length >= 1 && bytes[0] !== 0) return { state: 'foreign', got: NAMES[detectFirstBytes(bytes)] ?? 'something else' }
    if (bytes.length < 4) return { state: 'more' }
    const length = bytes.readUInt32BE(0)
    return length >= 8 && length <= FIRST_PACKET_LIMIT ? { state: 'sane' } : { state: 'foreign', got: 'something else' }
  }
  // It is the server's turn: a client of this protocol has nothing to say yet.
  if (row?.speaksFirst === 'server' && bytes.length > 0) {
    const got = detectFirstBytes(bytes)
    return { state: 'foreign', got: NAMES[got] ?? 'something else' }
  }
  // Every other protocol is plain inside an authenticated tunnel.
  if (mode === 'authenticated' && row?.speaksFirst === 'client' && bytes[0] === 0x16)
    return bytes.length < 2 ? { state: 'more' } : bytes[1] === 3 ? { state: 'foreign', got: 'TLS' } : { state: 'sane' }
  return bytes.length === 0 ? { state: 'more' } : { state: 'sane' }
}

/**
 * Reads a local connection before its upstream is open: so an early reset or end is seen, the first bytes can be judged,
 * and what was said can be said again when the proxy refuses the first certificate.
 */
export class EarlyBytes {
  readonly #local: Socket
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #ended = false
  /** Called after each change. */
  onChange: () => void = () => {}

  constructor(local: Socket) {
    this.#local = local
    local.on('data', this.#read)
    local.on('end', this.#end)
    local.resume()
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks
  }

  get bytes(): number {
    return this.#bytes
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Everything so far as one buffer. */
  whole(): Buffer {
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
  }

  readonly #read = (chunk: Buffer): void => {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes >= EARLY_LIMIT) this.#local.pause()
    this.onChange()
  }

  readonly #end = (): void => {
    this.#ended = true
    this.onChange()
  }

  /** Stops listening, in the same turn in which the splice begins. */
  release(): void {
    this.onChange = () => {}
    this.#local.off('data', this.#read)
    this.#local.off('end', this.#end)
  }
}
