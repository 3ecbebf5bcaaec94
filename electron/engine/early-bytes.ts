import type { Socket } from 'node:net'
import type { TunnelMode } from '../../shared/state.ts'
import { ALPN, DATABASE_PROTOCOLS } from '../../shared/protocols.ts'
import { detectFirstBytes } from '../wire/first-bytes.ts'
import { readFirstPacket } from '../wire/postgres.ts'

/** Reading stops at this much until the upstream takes over; it is also the most that is said again after a refusal. */
export const EARLY_LIMIT = 64 * 1024

/** `foreign`: a program that speaks something else came to this port; `got` is that, in words. */
export type FirstBytesVerdict =
  | { readonly state: 'more' }
  | { readonly state: 'sane' }
  | { readonly state: 'foreign'; readonly got: string }

const NAMES: Readonly<Record<string, string>> = { tls: 'TLS', http: 'HTTP', ssh: 'SSH', 'proxy-v1': 'PROXY v1', 'proxy-v2': 'PROXY v2' }

const MORE: FirstBytesVerdict = { state: 'more' }
const SANE: FirstBytesVerdict = { state: 'sane' }
const foreign = (bytes: Buffer): FirstBytesVerdict => ({ state: 'foreign', got: NAMES[detectFirstBytes(bytes)] ?? 'something else' })

/**
 * Whether a local program speaks what this tunnel carries. Not a parser: it catches a browser or a TLS client on the
 * wrong port, where the database would only hang up. Of requests in HTTP more is asked: http-requests.ts.
 */
export function judgeFirstBytes(dbProtocol: string, mode: TunnelMode, bytes: Buffer): FirstBytesVerdict {
  const row = DATABASE_PROTOCOLS[dbProtocol]
  if (row?.alpn === ALPN.postgres) return judgePostgres(bytes)
  if (row?.alpn === ALPN.mysql) return judgeMysql(bytes)
  if (bytes.length === 0) return MORE
  const isTls = bytes[0] === 0x16 && bytes[1] === 3
  if (mode === 'passthrough') {
    if (bytes[0] === 0x16) return bytes.length < 2 ? MORE : isTls ? SANE : foreign(bytes)
    const text = judgeText(bytes)
    return text.state === 'sane' ? { state: 'foreign', got: 'a client that does not begin with TLS' } : text
  }
  // Plain inside an authenticated tunnel.
  if (bytes[0] === 0x16 && bytes.length < 2) return MORE
  return isTls ? { state: 'foreign', got: 'TLS' } : judgeText(bytes)
}

/** The whole first packet: a half one is waited for here, under our deadline. */
function judgePostgres(bytes: Buffer): FirstBytesVerdict {
  if (bytes.length >= 1 && bytes[0] !== 0) return foreign(bytes)
  const first = readFirstPacket(bytes)
  if (first.state === 'malformed') return { state: 'foreign', got: 'something else' }
  return first.state === 'packet' ? SANE : MORE
}

/** The server greets first, so the client's first packet has sequence 1. wire/database.md 5.3 */
function judgeMysql(bytes: Buffer): FirstBytesVerdict {
  // A TLS hello of 256 bytes and more has a 1 there too.
  if (detectFirstBytes(bytes) !== 'unknown') return foreign(bytes)
  if (bytes.length < 4) return MORE
  return bytes[3] === 1 ? SANE : foreign(bytes)
}

const VERBS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'].map(verb => `${verb} `)
/** A line that goes on for longer is not one of HTTP's. */
const LINE_LIMIT = 8 * 1024

/**
 * A browser can be made to send text commands inside an HTTP request to a text protocol (Redis, Memcached): its first line
 * gives it away. `GET key` is a Redis command too, so that line is read to its end. Redis closes at `POST` and `Host:` alike.
 */
function judgeText(bytes: Buffer): FirstBytesVerdict {
  const start = bytes.toString('latin1', 0, 8).toUpperCase()
  if (start.startsWith('HOST:')) return { state: 'foreign', got: 'HTTP' }
  if (bytes.length < 5 && 'HOST:'.startsWith(start)) return MORE
  const verb = VERBS.find(one => start.startsWith(one.slice(0, start.length)))
  if (verb === undefined) return SANE
  if (bytes.length < verb.length) return MORE
  if (verb !== 'GET ') return { state: 'foreign', got: 'HTTP' }
  const end = bytes.indexOf(0x0a)
  if (end < 0) return bytes.length > LINE_LIMIT ? SANE : MORE
  return / HTTP\/\d[^ ]*$/i.test(bytes.toString('latin1', 0, end).trimEnd()) ? { state: 'foreign', got: 'HTTP' } : SANE
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

  /** From now on what comes is read and thrown away. */
  discard(): void {
    this.release()
    this.#local.on('data', () => {}).resume()
  }

  /** Stops listening, in the same turn in which the splice begins. */
  release(): void {
    this.onChange = () => {}
    this.#local.off('data', this.#read)
    this.#local.off('end', this.#end)
  }
}
