import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import { detectFirstBytes, FIRST_BYTES, sshPreambleLength } from '../../wire/first-bytes.ts'
import { readClientHello, type ClientHello } from '../../wire/client-hello.ts'
import { readProxyHeader } from '../../wire/proxy-header.ts'

/** How long a stranger may take. wire/router-config.md 2.1; Teleport: lib/multiplexer, lib/srv/alpnproxy/proxy.go */
export interface PeekLimits {
  /** For a PROXY header and the first {@link FIRST_BYTES} bytes behind it, from accept. */
  readonly firstBytesMs: number
  /** For the whole ClientHello, from the first bytes on. */
  readonly clientHelloMs: number
}

export type Peeked = (
  | { readonly state: 'tls'; readonly hello: ClientHello }
  | { readonly state: 'postgres' | 'http' | 'ssh' }
  | { readonly state: 'refused'; readonly why: string }
) & {
  /** What a PROXY header said about the client; undefined without a header, or when it names none. */
  readonly source?: Address | undefined
}

/**
 * Looks at how a connection begins; every byte read is put back, but for a PROXY header and an SSH preamble. Resolves within the limits,
 * also when the client resets.
 * Nothing may be awaited between the answer and who takes the stream over: what came in between would be missed by a TLS wrap.
 * @param mayForward whether a PROXY header is taken from this peer
 */
export function peek(stream: Duplex, limits: PeekLimits, mayForward: boolean): Promise<Peeked> {
  return new Promise(resolve => {
    const start = new Beginning(mayForward)
    let awaitsHello = false
    let deadline = setTimeout(() => done({ state: 'refused', why: 'silent' }), limits.firstBytesMs)

    const done = (peeked: Peeked): void => {
      clearTimeout(deadline)
      stream.off('readable', read).off('end', ended).off('close', ended)
      const rest = start.rest
      if (rest.length > 0 && !stream.destroyed) stream.unshift(rest)
      resolve(peeked)
    }
    const ended = (): void => done({ state: 'refused', why: 'closed by the client' })
    const read = (): void => {
      const chunk: unknown = stream.read()
      if (!Buffer.isBuffer(chunk)) return
      const peeked = start.add(chunk)
      if (peeked !== undefined) return done({ ...peeked, source: start.source })
      if (!awaitsHello && start.isTls) {
        awaitsHello = true
        clearTimeout(deadline)
        deadline = setTimeout(() => done({ state: 'refused', why: 'slow ClientHello' }), limits.clientHelloMs)
      }
    }
    // Not `once`, whose wrapper is a tenth of what a silent connection costs: there may be ten thousand of them.
    stream.on('readable', read).on('end', ended).on('close', ended)
  })
}

/** What has come so far, judged as early as it can be. */
export class Beginning {
  readonly #mayForward: boolean
  #seen: Buffer = Buffer.alloc(0)
  #hasHeader = false
  source: Address | undefined
  /** The protocol is known, its hello not whole yet. */
  isTls = false

  constructor(mayForward: boolean) {
    this.#mayForward = mayForward
  }

  /** What the next reader is to see. */
  get rest(): Buffer {
    return this.#seen
  }

  add(chunk: Buffer): Peeked | undefined {
    this.#seen = this.#seen.length === 0 ? chunk : Buffer.concat([this.#seen, chunk])
    if (this.#seen.length < FIRST_BYTES) return undefined
    let protocol = detectFirstBytes(this.#seen)
    if (protocol === 'proxy-v1' || protocol === 'proxy-v2') {
      const missing = this.#takeHeader()
      if (missing !== 'taken') return missing
      if (this.#seen.length < FIRST_BYTES) return undefined
      protocol = detectFirstBytes(this.#seen)
    }
    if (protocol === 'proxy-v1' || protocol === 'proxy-v2') return refused('two PROXY headers')
    if (protocol === 'ssh') return this.#withoutPreamble()
    if (protocol === 'postgres' || protocol === 'http') return { state: protocol }
    if (protocol !== 'tls') return refused('unknown first bytes')
    this.isTls = true
    const peeked = readClientHello(this.#seen)
    if (peeked.state === 'more') return undefined
    return peeked.state === 'hello' ? { state: 'tls', hello: peeked.hello } : peeked
  }

  #takeHeader(): 'taken' | Peeked | undefined {
    if (this.#hasHeader) return refused('two PROXY headers')
    if (!this.#mayForward) return refused('no PROXY header from there')
    const header = readProxyHeader(this.#seen)
    if (header.state === 'more') return undefined
    if (header.state === 'refused') return header
    this.#hasHeader = true
    this.source = header.source
    this.#seen = this.#seen.subarray(header.length)
    return 'taken'
  }

  #withoutPreamble(): Peeked | undefined {
    const length = sshPreambleLength(this.#seen)
    if (length === undefined) return undefined
    if (length === 'malformed') return refused('malformed SSH preamble')
    this.#seen = this.#seen.subarray(length)
    return { state: 'ssh' }
  }
}

const refused = (why: string): Peeked => ({ state: 'refused', why })
