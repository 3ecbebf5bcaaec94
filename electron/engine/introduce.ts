import type { Duplex } from 'node:stream'
import { EARLY_LIMIT, type EarlyBytes } from './early-bytes.ts'
import { writeFrame } from './splice.ts'

export type Introduction =
  /** The other side spoke (or was told too much to say it again): the splice goes on from here, in this very turn. */
  | { readonly state: 'met'; readonly first: Buffer | undefined }
  /** It ended or failed without a byte; nothing was passed on, so everything can be said again to another upstream. */
  | { readonly state: 'silent'; readonly error: Error | undefined }

/**
 * Passes on what the local program says until the upstream says its first bytes. Only from then on is it certain that
 * the proxy took our certificate: TLS 1.3 refuses after the handshake. RFC 8446 §4.4.2
 * @param mayPass whether the local program proved to speak the right protocol; asked after each of its chunks
 * @param met called synchronously, so that no byte is read by nobody
 */
export function introduce(early: EarlyBytes, upstream: Duplex, framed: boolean, mayPass: () => boolean, met: (introduction: Introduction) => void): void {
  let said = 0
  const say = (): void => {
    if (!mayPass()) return
    for (; said < early.chunks.length; said++) {
      const chunk = early.chunks[said]!
      if (framed) writeFrame(upstream, chunk)
      else upstream.write(chunk)
    }
    if (early.bytes >= EARLY_LIMIT) settle({ state: 'met', first: undefined })
    else if (early.ended) upstream.end()
  }
  const settle = (introduction: Introduction): void => {
    early.onChange = () => {}
    upstream.off('data', read).off('end', end).off('error', fail).off('close', end)
    if (introduction.state === 'met') early.release()
    met(introduction)
  }
  const read = (first: Buffer): void => settle({ state: 'met', first })
  const end = (): void => settle({ state: 'silent', error: undefined })
  const fail = (error: Error): void => settle({ state: 'silent', error })
  upstream.on('data', read).on('end', end).on('error', fail).on('close', end)
  early.onChange = say
  say()
}
