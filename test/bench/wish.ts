import type { Duplex } from 'node:stream'
import { encodeStartup, readFirstPacket } from '../../electron/wire/postgres.ts'

/** What a bench client asks for in its startup packet: `echo`, `send N bytes`, `take N bytes and answer one`. */
export type Wish = { readonly kind: 'echo' } | { readonly kind: 'send' | 'take'; readonly bytes: number }

export const encodeWish = (wish: Wish): Buffer =>
  encodeStartup({ user: 'bench', kind: wish.kind, bytes: wish.kind === 'echo' ? '0' : String(wish.bytes) })

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

export function grant(met: Asking): void {
  let wish: string | undefined
  let left = 0
  let early = Buffer.alloc(0)
  met.onPayload(part => {
    if (wish === 'echo') return met.write(part)
    if (wish === undefined) {
      early = Buffer.concat([early, part])
      const first = readFirstPacket(early)
      if (first.state !== 'packet' || first.packet.kind !== 'startup') return
      wish = first.packet.parameters.get('kind')
      left = Number(first.packet.parameters.get('bytes'))
      if (wish === 'send') send(met, left)
      else met.write(Buffer.from('+'))
      part = early.subarray(first.length)
    }
    if (wish === 'take' && (left -= part.length) === 0) met.write(Buffer.from('.'))
  })
  met.stream.once('end', () => met.stream.end())
}
