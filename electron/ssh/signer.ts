import type { KeyObject } from 'node:crypto'
import { SshReader } from '../wire/ssh-bytes.ts'
import { splitSshLine, encodeSshKey, sshKeyType, type SshKeyType } from '../wire/ssh-keys.ts'
import { plainAlgorithm, signatureAlgorithms, signSsh, SSH_CERTIFICATE_SUFFIX } from '../wire/ssh-signature.ts'
import { malformed } from './failures.ts'
import { decodePublicKey } from './public-key.ts'

/** A key that can prove itself, plain or with a certificate. Its private half may be here or in an ssh-agent. */
export interface SshSigner {
  /** Key or certificate as the peer sees it. */
  readonly blob: Buffer
  /** Names it can be offered under, best first; with the certificate suffix when the blob is a certificate. */
  readonly algorithms: readonly string[]
  /** Signing costs time or a touch: ask the server first whether the key would do. */
  readonly askFirst: boolean
  /** @param algorithm plain name @returns the signature blob */
  sign(algorithm: string, bytes: Buffer): Buffer | Promise<Buffer>
}

/** Names for a key or certificate blob. @throws PorticoError wire/malformed when its type is not known */
export function algorithmsOf(blob: Buffer): readonly string[] {
  const type = new SshReader(blob).text()
  const names = signatureAlgorithms(plainAlgorithm(type) as SshKeyType)
  if (names.length === 0) throw malformed(`keys of type ${type} are not supported`)
  return type.endsWith(SSH_CERTIFICATE_SUFFIX) ? names.map(name => name + SSH_CERTIFICATE_SUFFIX) : names
}

/** @param certificate a line or a blob @throws PorticoError wire/malformed when it belongs to another key */
export function keySigner(privateKey: KeyObject, certificate?: string | Buffer): SshSigner {
  const keyBlob = encodeSshKey(privateKey)
  const blob = typeof certificate === 'string' ? splitSshLine(certificate).blob : (certificate ?? keyBlob)
  const shown = decodePublicKey(blob)
  if (!encodeSshKey(shown.key).equals(keyBlob)) throw malformed(`the certificate is not for this ${sshKeyType(privateKey)} key`)
  return { blob, algorithms: algorithmsOf(blob), askFirst: false, sign: (algorithm, bytes) => signSsh(privateKey, algorithm, bytes) }
}
