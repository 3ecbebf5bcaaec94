import { createHmac } from 'node:crypto'
import { malformed } from './der.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** A code is good for this long. RFC 6238, as every authenticator app and Teleport use it. */
export const TOTP_STEP_MS = 30_000

/** RFC 4648 base32, upper case, unpadded. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(value >> bits) & 31]
    }
  }
  return bits === 0 ? text : text + ALPHABET[(value << (5 - bits)) & 31]
}

/** Spaces and padding are ignored, case does not count. */
export function decodeBase32(text: string): Buffer {
  const bytes: number[] = []
  let bits = 0
  let value = 0
  for (const letter of text.toUpperCase().replace(/[\s=-]/g, '')) {
    const five = ALPHABET.indexOf(letter)
    if (five < 0) throw malformed('a one-time secret is not base32')
    value = ((value << 5) | five) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((value >> bits) & 0xff)
  }
  return Buffer.from(bytes)
}

/** Six digits for the 30 s that hold `atMs` (ms since 1970). RFC 6238 with SHA-1. */
export function totpCode(secretBase32: string, atMs: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(atMs / TOTP_STEP_MS)))
  const mac = createHmac('sha1', decodeBase32(secretBase32)).update(counter).digest()
  const number = mac.readUInt32BE(mac[19]! & 0xf) & 0x7fff_ffff
  return String(number % 1_000_000).padStart(6, '0')
}
