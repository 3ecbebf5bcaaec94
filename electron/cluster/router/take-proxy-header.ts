import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { detectFirstBytes, FIRST_BYTES } from '../../wire/first-bytes.ts'
import { readProxyHeader } from '../../wire/proxy-header.ts'

/**
 * Takes a PROXY header off the start of a stream where the server speaks first, so that a client says nothing by itself: whoever has
 * sent none in time is served without.
 * @returns the client that the header names
 * @throws PorticoError wire/malformed, wire/cut-short (a header that is not whole in time, or a client that left)
 */
export function takeProxyHeader(stream: Duplex, deadlineMs: number): Promise<Address | undefined> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0)
    const settle = (): void => {
      clearTimeout(deadline)
      stream.off('readable', read).off('end', ended).off('close', ended)
    }
    const done = (rest: Buffer, source?: Address): void => {
      settle()
      if (rest.length > 0 && !stream.destroyed) stream.unshift(rest)
      resolve(source)
    }
    const fail = (code: 'wire/malformed' | 'wire/cut-short', why: string): void => {
      settle()
      reject(new PorticoError(code, { why }))
    }
    const ended = (): void => fail('wire/cut-short', 'closed by the client')
    const deadline = setTimeout(() => (seen.length === 0 ? done(seen) : fail('wire/cut-short', 'slow PROXY header')), deadlineMs)
    const read = (): void => {
      const chunk: unknown = stream.read()
      if (!Buffer.isBuffer(chunk)) return
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
      if (seen.length < FIRST_BYTES) return
      const protocol = detectFirstBytes(seen)
      if (protocol !== 'proxy-v1' && protocol !== 'proxy-v2') return done(seen)
      const header = readProxyHeader(seen)
      if (header.state === 'refused') return fail('wire/malformed', header.why)
      if (header.state === 'header') done(seen.subarray(header.length), header.source)
    }
    stream.on('readable', read).once('end', ended).once('close', ended)
  })
}
