import type { Duplex } from 'node:stream'
import { readFirstPacket, type FirstPacket } from '../../wire/postgres.ts'

/** A client's opening packet and its bytes, which are sent on as they are. */
export interface OpeningPacket {
  readonly packet: FirstPacket
  readonly raw: Buffer
}

/** As PostgreSQL's authentication_timeout, halved: nobody types here. */
const OPENING_DEADLINE_MS = 30_000

/**
 * Reads one untyped Postgres packet; bytes behind it stay in the stream.
 * @returns undefined when the stream ended, stayed silent or sent something else: no answer is due then
 */
export function readOpeningPacket(stream: Duplex, deadlineMs = OPENING_DEADLINE_MS): Promise<OpeningPacket | undefined> {
  return new Promise(resolve => {
    let bytes: Buffer = Buffer.alloc(0)
    const settle = (found: OpeningPacket | undefined): void => {
      clearTimeout(timer)
      stream.off('data', take).off('end', gone).off('close', gone).pause()
      resolve(found)
    }
    const gone = (): void => settle(undefined)
    const take = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
      const found = readFirstPacket(bytes)
      if (found.state === 'more') return
      if (found.state === 'malformed') return settle(undefined)
      const rest = bytes.subarray(found.length)
      settle({ packet: found.packet, raw: bytes.subarray(0, found.length) })
      if (rest.length > 0) stream.unshift(rest)
    }
    const timer = setTimeout(gone, deadlineMs)
    if (stream.destroyed || stream.readableEnded) return gone()
    stream.on('data', take).once('end', gone).once('close', gone).resume()
  })
}
