import { sign, verify, type KeyObject } from 'node:crypto'
import { malformed } from './der.ts'
import { SshReader, sshMpint, sshString } from './ssh-bytes.ts'
import { sshKeyType, type SshKeyType } from './ssh-keys.ts'

/** Signatures of SSH keys. RFC 4253 6.6, RFC 5656 3.1.2, RFC 8332 (RSA with SHA-2), RFC 8709. SHA-1 (`ssh-rsa`) is never made nor believed. */

export const SSH_CERTIFICATE_SUFFIX = '-cert-v01@openssh.com'

/** Signature algorithm → hash; Ed25519 has its own inside. */
const HASHES: ReadonlyMap<string, string | null> = new Map([
  ['ssh-ed25519', null],
  ['ecdsa-sha2-nistp256', 'sha256'],
  ['ecdsa-sha2-nistp384', 'sha384'],
  ['ecdsa-sha2-nistp521', 'sha512'],
  ['rsa-sha2-512', 'sha512'],
  ['rsa-sha2-256', 'sha256'],
])

/** Plain names, best first. */
export const SSH_SIGNATURE_ALGORITHMS: readonly string[] = [...HASHES.keys()]

/** `rsa-sha2-512-cert-v01@openssh.com` → `rsa-sha2-512`: what stands inside a signature never has the suffix. */
export function plainAlgorithm(name: string): string {
  return name.endsWith(SSH_CERTIFICATE_SUFFIX) ? name.slice(0, -SSH_CERTIFICATE_SUFFIX.length) : name
}

/** The key type that makes this signature: `rsa-sha2-512` → `ssh-rsa`, others name their type. */
export function keyTypeOfAlgorithm(name: string): string {
  const plain = plainAlgorithm(name)
  return plain.startsWith('rsa-sha2-') ? 'ssh-rsa' : plain
}

/** Plain names for a key type, best first. */
export function signatureAlgorithms(type: SshKeyType): readonly string[] {
  return SSH_SIGNATURE_ALGORITHMS.filter(name => keyTypeOfAlgorithm(name) === type)
}

/** @returns the signature blob: algorithm, then signature. @param algorithm plain name, of the key's type */
export function signSsh(key: KeyObject, algorithm: string, bytes: Uint8Array): Buffer {
  const hash = HASHES.get(algorithm)
  if (hash === undefined || keyTypeOfAlgorithm(algorithm) !== sshKeyType(key)) throw malformed(`this key makes no ${algorithm} signature`)
  if (!algorithm.startsWith('ecdsa')) return Buffer.concat([sshString(algorithm), sshString(sign(hash, bytes, key))])
  const pair = sign(hash, bytes, { key, dsaEncoding: 'ieee-p1363' })
  const half = pair.length / 2
  return Buffer.concat([sshString(algorithm), sshString(Buffer.concat([sshMpint(pair.subarray(0, half)), sshMpint(pair.subarray(half))]))])
}

/** Splits a signature blob. @throws PorticoError wire/malformed */
export function readSshSignature(blob: Buffer): { readonly algorithm: string; readonly signature: Buffer } {
  const reader = new SshReader(blob)
  return { algorithm: reader.text(), signature: reader.string() }
}

/** @param algorithm plain name @param signature what follows the name in a signature blob */
export function verifySsh(key: KeyObject, algorithm: string, bytes: Uint8Array, signature: Buffer): boolean {
  const hash = HASHES.get(algorithm)
  // Else Node would pick a hash for an RSA key that claims to be `ssh-ed25519`.
  if (hash === undefined || keyTypeOfAlgorithm(algorithm) !== sshKeyType(key)) return false
  if (!algorithm.startsWith('ecdsa')) return verify(hash, bytes, key, signature)
  const length = { sha256: 32, sha384: 48, sha512: 66 }[hash!]!
  const reader = new SshReader(signature)
  const pair = Buffer.alloc(2 * length)
  for (const end of [length, 2 * length]) {
    const number = withoutZeros(reader.string())
    if (number.length > length) return false
    number.copy(pair, end - number.length)
  }
  return reader.done && verify(hash, bytes, { key, dsaEncoding: 'ieee-p1363' }, pair)
}

function withoutZeros(mpint: Buffer): Buffer {
  let start = 0
  while (start < mpint.length && mpint[start] === 0) start++
  return mpint.subarray(start)
}
