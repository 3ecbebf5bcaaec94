import { encodeStartup } from '../../electron/wire/postgres.ts'

/** What a bench client asks for in its startup packet: `echo`, `send N bytes`, `take N bytes and answer one`. */
export type Wish = { readonly kind: 'echo' } | { readonly kind: 'send' | 'take'; readonly bytes: number }

export const encodeWish = (wish: Wish): Buffer =>
  encodeStartup({ user: 'bench', kind: wish.kind, bytes: wish.kind === 'echo' ? '0' : String(wish.bytes) })
