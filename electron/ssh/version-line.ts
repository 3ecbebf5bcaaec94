import { PorticoError } from '../../shared/errors.ts'
import { malformed, printable } from './failures.ts'

/** `SSH-2.0-NAME`, with which both sides begin. RFC 4253 4.2 */
export const OUR_VERSION = 'SSH-2.0-Portico'

/** Takes bytes until the line is whole. A server may say other lines first, a client may not. */
export class VersionLine {
  readonly #from: 'client' | 'server'
  readonly #limit: number
  #bytes: Buffer = Buffer.alloc(0)

  constructor(from: 'client' | 'server', limit: number) {
    this.#from = from
    this.#limit = limit
  }

  /** @returns undefined while the line is not whole @throws PorticoError wire/malformed, wire/too-long */
  push(chunk: Buffer): { readonly version: string; readonly rest: Buffer } | undefined {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    let start = 0
    for (;;) {
      const end = this.#bytes.indexOf(10, start)
      if (end < 0 || end >= this.#limit) {
        if (this.#bytes.length >= this.#limit) throw new PorticoError('wire/too-long', { why: 'no SSH version line came' })
        return undefined
      }
      const line = this.#bytes.toString('latin1', start, end).replace(/\r$/, '')
      start = end + 1
      // 1.99: speaks 2.0 and older. RFC 4253 5.1
      if (/^SSH-(2\.0|1\.99)-/.test(line)) return { version: line, rest: this.#bytes.subarray(start) }
      if (line.startsWith('SSH-')) throw malformed(`the other side speaks ${printable(line.slice(0, 40))}`)
      if (this.#from === 'client') throw malformed('the other side does not speak SSH')
    }
  }
}
