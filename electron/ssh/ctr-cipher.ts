import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { sshUint32 } from '../wire/ssh-bytes.ts'
import type { Cipher, Mac } from './algorithms.ts'
import { malformed } from './failures.ts'
import type { PacketOpener, PacketSealer } from './packet-cipher.ts'

/** AES-CTR with a MAC: over the ciphertext (etm, length in clear), or over the clear packet (length encrypted). RFC 4344 4, RFC 4253 6.4 */

const BLOCK = 16

function tagOf({ hash }: Mac, macKey: Buffer, sequence: number, parts: readonly Buffer[]): Buffer {
  const hmac = createHmac(hash, macKey).update(sshUint32(sequence))
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}

export function ctrOpener({ openssl }: Cipher, mac: Mac, key: Buffer, iv: Buffer, macKey: Buffer): PacketOpener {
  const decipher = createDecipheriv(openssl, key, iv)
  const check = (sequence: number, parts: readonly Buffer[], tag: Buffer): void => {
    if (!timingSafeEqual(tagOf(mac, macKey, sequence, parts), tag)) throw malformed('a packet was changed on its way')
  }
  if (mac.etm) {
    return {
      headLength: 4,
      tagLength: mac.length,
      readLength: head => head.readUInt32BE(0),
      open(packet, sequence) {
        const end = packet.length - mac.length
        check(sequence, [packet.subarray(0, end)], packet.subarray(end))
        return decipher.update(packet.subarray(4, end))
      },
    }
  }
  let first: Buffer = Buffer.alloc(0)
  return {
    headLength: BLOCK,
    tagLength: mac.length,
    readLength(head) {
      first = decipher.update(head)
      return first.readUInt32BE(0)
    },
    open(packet, sequence) {
      const end = packet.length - mac.length
      const clear = Buffer.concat([first, decipher.update(packet.subarray(BLOCK, end))])
      check(sequence, [clear], packet.subarray(end))
      return clear.subarray(4)
    },
  }
}

export function ctrSealer({ openssl }: Cipher, mac: Mac, key: Buffer, iv: Buffer, macKey: Buffer): PacketSealer {
  const cipher = createCipheriv(openssl, key, iv)
  return {
    blockLength: BLOCK,
    padsLength: !mac.etm,
    tagLength: mac.length,
    seal(packet, sequence) {
      if (!mac.etm) {
        const tag = tagOf(mac, macKey, sequence, [packet])
        return [cipher.update(packet), tag]
      }
      const length = packet.subarray(0, 4)
      const body = cipher.update(packet.subarray(4))
      return [length, body, tagOf(mac, macKey, sequence, [length, body])]
    },
  }
}
