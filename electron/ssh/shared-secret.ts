import { createECDH, createHash, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
import { sshMpint, sshString } from '../wire/ssh-bytes.ts'
import type { KexMethod } from './algorithms.ts'
import { malformed } from './failures.ts'

/** One side's throw-away key pair. Public values travel as plain strings. RFC 5656 4, RFC 8731 3 */
export interface Ephemeral {
  readonly publicValue: Buffer
  /** @returns the secret as an mpint with its length @throws PorticoError wire/malformed */
  agree(peerValue: Buffer): Buffer
}

export function newEphemeral({ curve }: KexMethod): Ephemeral {
  if (curve !== 'x25519') {
    const ecdh = createECDH(curve)
    return { publicValue: ecdh.generateKeys(), agree: peer => secretOf(() => ecdh.computeSecret(peer)) }
  }
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const peerKey = (x: Buffer) => createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'X25519', x: x.toString('base64url') } })
  return {
    publicValue: Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url'),
    agree: peer => secretOf(() => diffieHellman({ privateKey, publicKey: peerKey(peer) })),
  }
}

function secretOf(compute: () => Buffer): Buffer {
  let secret: Buffer
  try {
    secret = compute()
  } catch (thrown) {
    throw malformed('the value of the key exchange is wrong', thrown)
  }
  // RFC 8731 3: a peer that sends a point of low order knows the secret.
  if (secret.every(byte => byte === 0)) throw malformed('the value of the key exchange is wrong')
  return sshMpint(secret)
}

export interface ExchangeFacts {
  readonly clientVersion: string
  readonly serverVersion: string
  readonly clientInit: Buffer
  readonly serverInit: Buffer
  readonly hostKey: Buffer
  readonly clientValue: Buffer
  readonly serverValue: Buffer
  readonly secret: Buffer
}

/** What the host key signs; of the first exchange it is also the session id. RFC 5656 4 */
export function exchangeHash(hash: KexMethod['hash'], facts: ExchangeFacts): Buffer {
  const { clientVersion, serverVersion, clientInit, serverInit, hostKey, clientValue, serverValue, secret } = facts
  const digest = createHash(hash)
  for (const part of [clientVersion, serverVersion, clientInit, serverInit, hostKey, clientValue, serverValue])
    digest.update(sshString(part))
  return digest.update(secret).digest()
}

/** @param letter `A`–`F`: which of the six keys. RFC 4253 7.2 */
export function deriveKey(
  hash: KexMethod['hash'],
  { secret, exchange, session }: { secret: Buffer; exchange: Buffer; session: Buffer },
  letter: string,
  length: number,
): Buffer {
  const start = () => createHash(hash).update(secret).update(exchange)
  let key = start().update(letter).update(session).digest()
  while (key.length < length) key = Buffer.concat([key, start().update(key).digest()])
  return key.subarray(0, length)
}
