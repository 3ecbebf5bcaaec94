import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Cipher } from './algorithms.ts'
import { malformed } from './failures.ts'
import type { PacketOpener, PacketSealer } from './packet-cipher.ts'

/** AES-GCM: the length is in clear and authenticated; the last eight bytes of the nonce count packets. RFC 5647 7 */

const TAG = 16
const OPTIONS = { authTagLength: TAG }

type GcmName = 'aes-128-gcm' | 'aes-256-gcm'

function countUp(nonce: Buffer): void {
  for (let at = 11; at >= 4; at--) {
    const next = (nonce[at]! + 1) & 0xff
    nonce[at] = next
    if (next !== 0) return
  }
}

export function gcmOpener({ openssl }: Cipher, key: Buffer, iv: Buffer): PacketOpener {
  const nonce = Buffer.from(iv)
  return {
    headLength: 4,
    tagLength: TAG,
    readLength: head => head.readUInt32BE(0),
    open(packet) {
      const end = packet.length - TAG
      const decipher = createDecipheriv(openssl as GcmName, key, nonce, OPTIONS)
      decipher.setAAD(packet.subarray(0, 4))
      decipher.setAuthTag(packet.subarray(end))
      const body = decipher.update(packet.subarray(4, end))
      try {
        decipher.final()
      } catch (thrown) {
        throw malformed('a packet was changed on its way', thrown)
      }
      countUp(nonce)
      return body
    },
  }
}

export function gcmSealer({ openssl }: Cipher, key: Buffer, iv: Buffer): PacketSealer {
  const nonce = Buffer.from(iv)
  return {
    blockLength: 16,
    padsLength: false,
    tagLength: TAG,
    seal(packet) {
      const cipher = createCipheriv(openssl as GcmName, key, nonce, OPTIONS)
      const length = packet.subarray(0, 4)
      cipher.setAAD(length)
      const body = cipher.update(packet.subarray(4))
      cipher.final()
      countUp(nonce)
      return [length, body, cipher.getAuthTag()]
    },
  }
}
