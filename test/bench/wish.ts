import type { Duplex } from 'node:stream'
import { OPENINGS, type Opening } from './databases/opening.ts'

/** What a bench client asks for in its first packet: `echo`, `send N bytes`, `take N bytes and answer one`. */
export type Wish = { readonly kind: 'echo' } | { readonly kind: 'send' | 'take'; readonly bytes: number }

export const encodeWish = (wish: Wish, opening: Opening): Buffer => opening.ask(wish.kind, wish.kind === 'echo' ? 0 : wish.bytes)

const CHUNK = Buffer.alloc(64 * 1024, 'portico ')

function send(met: Asking, bytes: number): void {
  let left = bytes
  const more = (): void => {
    while (left > 0) {
      const part = left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left)
      left -= part.length
      met.write(part)
      if (met.stream.writableLength > 4 * CHUNK.length) return void met.stream.once('drain', more)
    }
  }
  more()
}

/** One connection at the far end. */
export interface Asking {
  readonly stream: Duplex
  onPayload(read: (part: Buffer) => void): void
  write(payload: Buffer): void
}

export function grant(met: Asking, opening = OPENINGS['postgres']!): void {
  let wish: string | undefined
  let left = 0
  let early = Buffer.alloc(0)
  if (opening.greeting !== undefined) met.write(opening.greeting)
  met.onPayload(part => {
    if (wish === 'echo') return met.write(part)
    if (wish === undefined) {
      early = Buffer.concat([early, part])
      const asked = opening.read(early)
      if (asked === undefined) return
      wish = asked.kind
      left = asked.bytes
      if (wish === 'send') send(met, left)
      else met.write(opening.ok)
      part = early.subarray(asked.length)
    }
    if (wish === 'take' && (left -= part.length) === 0) met.write(Buffer.from('.'))
  })
  met.stream.once('end', () => met.stream.end())
}
