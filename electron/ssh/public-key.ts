import { createHash, type KeyObject } from 'node:crypto'
import { SshReader } from '../wire/ssh-bytes.ts'
import { decodeSshCertificate, type SshCertificate } from '../wire/ssh-certificate.ts'
import { decodeSshKey } from '../wire/ssh-keys.ts'
import { keyTypeOfAlgorithm, plainAlgorithm, readSshSignature, SSH_CERTIFICATE_SUFFIX, verifySsh } from '../wire/ssh-signature.ts'

/** A key as a peer shows it: plain, or inside a certificate. */
export interface SshPublicKey {
  /** Type inside the blob: `ssh-ed25519`, `ssh-rsa-cert-v01@openssh.com`. */
  readonly type: string
  readonly blob: Buffer
  readonly key: KeyObject
  readonly certificate: SshCertificate | undefined
}

/** @throws PorticoError wire/malformed */
export function decodePublicKey(blob: Buffer): SshPublicKey {
  const type = new SshReader(blob).text()
  if (!type.endsWith(SSH_CERTIFICATE_SUFFIX)) return { type, blob, key: decodeSshKey(blob), certificate: undefined }
  const certificate = decodeSshCertificate(blob)
  return { type, blob, key: certificate.publicKey, certificate }
}

/** True when a key of this type may be shown under this algorithm: certificates only under certificate names. */
export function fitsAlgorithm({ type, certificate }: SshPublicKey, algorithm: string): boolean {
  const named = algorithm.endsWith(SSH_CERTIFICATE_SUFFIX)
  return named === (certificate !== undefined) && keyTypeOfAlgorithm(algorithm) === plainAlgorithm(type)
}

/** @param algorithm the negotiated name; the signature must say its plain form @throws PorticoError wire/malformed */
export function isSignedWith({ key }: SshPublicKey, algorithm: string, bytes: Uint8Array, blob: Buffer): boolean {
  const signature = readSshSignature(blob)
  return signature.algorithm === plainAlgorithm(algorithm) && verifySsh(key, signature.algorithm, bytes, signature.signature)
}

/** `SHA256:…` as OpenSSH prints it; of a certificate the key inside counts. */
export function fingerprint(keyBlob: Buffer): string {
  return `SHA256:${createHash('sha256').update(keyBlob).digest('base64').replace(/=+$/, '')}`
}
