import { ALPN } from '../../../shared/protocols.ts'
import { encodeMsg } from '../../../electron/wire/mongodb.ts'
import { encodeGreeting, encodeOk, encodePacket, readPacket, SALT_LENGTH } from '../../../electron/wire/mysql.ts'
import { authenticationOk, encodeStartup, readFirstPacket } from '../../../electron/wire/postgres.ts'
import { encodeCommand } from '../../../electron/wire/redis.ts'

/** How a bench client says what it wants in the first bytes of a protocol: enough of it that whoever looks at them lets them pass. */
export interface Opening {
  /** What the far end says before anything else. */
  readonly greeting?: Buffer
  ask(kind: string, bytes: number): Buffer
  /** How the far end takes it. */
  readonly ok: Buffer
  /** undefined: not whole yet. */
  read(bytes: Buffer): { readonly kind: string; readonly bytes: number; readonly length: number } | undefined
}

/** Words in the clear, as part of something that the protocol allows. */
const encodeWords = (kind: string, bytes: number): string => `bench ${kind} ${bytes};`
function readWords(text: string): { kind: string; bytes: number } {
  const [, kind, bytes] = /bench (\w+) (\d+);/.exec(text)!
  return { kind: kind!, bytes: Number(bytes) }
}

const postgres: Opening = {
  ok: authenticationOk(),
  ask: (kind, bytes) => encodeStartup({ user: encodeWords(kind, bytes) }),
  read(bytes) {
    const first = readFirstPacket(bytes)
    if (first.state !== 'packet' || first.packet.kind !== 'startup') return undefined
    return { ...readWords(first.packet.parameters.get('user')!), length: first.length }
  },
}

const mysql: Opening = {
  ok: encodeOk(2),
  greeting: encodeGreeting({ version: '8.0.36', connectionId: 1, salt: Buffer.alloc(SALT_LENGTH, 7), tls: false }),
  ask: (kind, bytes) => encodePacket(1, Buffer.from(encodeWords(kind, bytes))),
  read(bytes) {
    const packet = readPacket(bytes)
    return packet.state === 'packet' ? { ...readWords(String(packet.payload)), length: packet.length } : undefined
  },
}

const redis: Opening = {
  ok: Buffer.from('+OK\r\n'),
  ask: (kind, bytes) => encodeCommand(['ECHO', encodeWords(kind, bytes)]),
  read(bytes) {
    const end = bytes.indexOf(';\r\n')
    return end < 0 ? undefined : { ...readWords(bytes.toString('latin1', 0, end + 1)), length: end + 3 }
  },
}

const mongodb: Opening = {
  ok: encodeMsg(2, 1, { ok: true }),
  ask: (kind, bytes) => encodeMsg(1, 0, { ping: encodeWords(kind, bytes) }),
  read(bytes) {
    if (bytes.length < 4 || bytes.length < bytes.readInt32LE(0)) return undefined
    const length = bytes.readInt32LE(0)
    return { ...readWords(bytes.toString('latin1', 0, length)), length }
  },
}

/** By protocol of a route. */
export const OPENINGS: Readonly<Record<string, Opening>> = { postgres, mysql, redis, mongodb }

/** By the ALPN name that was agreed on, ping form or not. */
export function openingOf(alpn: string | false | null): Opening {
  const found = Object.entries(ALPN).find(([name, value]) => name in OPENINGS && String(alpn).startsWith(value))
  return found === undefined ? postgres : OPENINGS[found[0]]!
}
