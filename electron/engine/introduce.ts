import { EARLY_LIMIT, type EarlyBytes } from './early-bytes.ts'
import { writeFrame, type UpstreamStream } from './splice.ts'

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
export function introduce(
  early: EarlyBytes,
  { stream, framed, onRead }: UpstreamStream,
  mayPass: () => boolean,
  met: (introduction: Introduction) => void,
): void {
  let said = 0
  let settled = false
  const sayRest = (): void => {
    for (; said < early.chunks.length; said++) {
      const chunk = early.chunks[said]!
      if (framed) writeFrame(stream, chunk)
      else stream.write(chunk)
    }
  }
  const settle = (introduction: Introduction): void => {
    settled = true
    early.onChange = () => {}
    onRead(() => {})
    stream.off('end', end).off('error', fail).off('close', end)
    if (introduction.state === 'met') {
      sayRest()
      early.release()
    }
    met(introduction)
  }
  const say = (): void => {
    if (!mayPass()) return
    sayRest()
    if (early.bytes >= EARLY_LIMIT) settle({ state: 'met', first: undefined })
    else if (early.ended) stream.end()
  }
  const read = (first: Buffer): void => settle({ state: 'met', first: Buffer.from(first) })
  const end = (): void => settle({ state: 'silent', error: undefined })
  const fail = (error: Error): void => settle({ state: 'silent', error })
  stream.on('end', end).on('error', fail).on('close', end)
  stream.resume()
  early.onChange = say
  say()
  if (!settled) onRead(read)
  // It may have ended while the local program was being looked up, with nobody to hear it; what it said before was kept.
  if (!settled && (stream.destroyed || stream.readableEnded)) settle({ state: 'silent', error: stream.errored ?? undefined })
}
