import type { Socket } from 'node:net'
import { detectFirstBytes, FIRST_BYTES } from '../../wire/first-bytes.ts'
import { readClientHello, type ClientHello } from '../../wire/client-hello.ts'

/** How long a stranger may take. wire/router-config.md 2.1; Teleport: lib/multiplexer, lib/srv/alpnproxy/proxy.go */
export interface PeekLimits {
  /** For the first {@link FIRST_BYTES} bytes, from accept. */
  readonly firstBytesMs: number
  /** For the whole ClientHello, from the first bytes on. */
  readonly clientHelloMs: number
}

export type Peeked =
  | { readonly state: 'tls'; readonly hello: ClientHello }
  | { readonly state: 'postgres' }
  | { readonly state: 'refused'; readonly why: string }

/**
 * Looks at how a connection begins; every byte read is put back. Resolves within the limits, also when the client resets.
 * Nothing may be awaited between the answer and who takes the socket over: what came in between would be missed by a TLS wrap.
 */
export function peek(socket: Socket, limits: PeekLimits): Promise<Peeked> {
  return new Promise(resolve => {
    let seen: Buffer = Buffer.alloc(0)
    let deadline = setTimeout(() => done({ state: 'refused', why: 'silent' }), limits.firstBytesMs)

    const done = (peeked: Peeked): void => {
      clearTimeout(deadline)
      socket.off('readable', read).off('end', ended).off('close', ended)
      if (seen.length > 0 && !socket.destroyed) socket.unshift(seen)
      resolve(peeked)
    }
    const ended = (): void => done({ state: 'refused', why: 'closed by the client' })
    const read = (): void => {
      const chunk: unknown = socket.read()
      if (!Buffer.isBuffer(chunk)) return
      const before = seen.length
      seen = before === 0 ? chunk : Buffer.concat([seen, chunk])
      const peeked = decide(seen)
      if (peeked !== undefined) return done(peeked)
      if (before < FIRST_BYTES && seen.length >= FIRST_BYTES) {
        clearTimeout(deadline)
        deadline = setTimeout(() => done({ state: 'refused', why: 'slow ClientHello' }), limits.clientHelloMs)
      }
    }
    socket.on('readable', read).once('end', ended).once('close', ended)
  })
}

function decide(seen: Buffer): Peeked | undefined {
  if (seen.length < FIRST_BYTES) return undefined
  const protocol = detectFirstBytes(seen)
  if (protocol === 'postgres') return { state: 'postgres' }
  if (protocol !== 'tls') return { state: 'refused', why: protocol === 'unknown' ? 'unknown first bytes' : `no ${protocol} on this port` }
  const peeked = readClientHello(seen)
  if (peeked.state === 'more') return undefined
  return peeked.state === 'hello' ? { state: 'tls', hello: peeked.hello } : peeked
}
