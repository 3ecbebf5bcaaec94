import { SshReader, sshBool, sshByte, sshNameList, sshString } from '../../wire/ssh-bytes.ts'
import { MESSAGE } from './message-number.ts'

/** Fields of user authentication. RFC 4252 */

export interface PublicKeyRequest {
  readonly user: string
  /** Name of the algorithm, with the certificate suffix when the key is a certificate. */
  readonly algorithm: string
  readonly key: Buffer
}

export interface AuthRequest {
  readonly user: string
  readonly service: string
  readonly method: string
  /** Only for the method `publickey`. */
  readonly publicKey?: { readonly algorithm: string; readonly key: Buffer; readonly signature: Buffer | undefined }
  /** What a signature covers, after the session id. */
  readonly signedBytes: Buffer
}

/** The request without a signature: what gets signed (`signed`), or a question whether the key would do. */
export function encodePublicKeyRequest({ user, algorithm, key }: PublicKeyRequest, signed: boolean): Buffer {
  const names = [user, 'ssh-connection', 'publickey'].map(sshString)
  return Buffer.concat([sshByte(MESSAGE.userAuthRequest), ...names, sshBool(signed), sshString(algorithm), sshString(key)])
}

/** @throws PorticoError wire/malformed */
export function decodeAuthRequest(payload: Buffer): AuthRequest {
  const reader = new SshReader(payload)
  reader.byte()
  const [user, service, method] = [reader.text(), reader.text(), reader.text()]
  if (method !== 'publickey') return { user, service, method, signedBytes: payload }
  const signed = reader.bool()
  const [algorithm, key] = [reader.text(), reader.string()]
  const signedBytes = payload.subarray(0, reader.position)
  return { user, service, method, publicKey: { algorithm, key, signature: signed ? reader.string() : undefined }, signedBytes }
}

export function encodeAuthFailure(methods: readonly string[]): Buffer {
  return Buffer.concat([sshByte(MESSAGE.userAuthFailure), sshNameList(methods), sshBool(false)])
}

export function decodeAuthFailure(payload: Buffer): { readonly methods: readonly string[]; readonly partial: boolean } {
  const reader = new SshReader(payload)
  reader.byte()
  return { methods: reader.nameList(), partial: reader.bool() }
}

export const encodeAuthSuccess = (): Buffer => sshByte(MESSAGE.userAuthSuccess)

export function encodePublicKeyOk(algorithm: string, key: Buffer): Buffer {
  return Buffer.concat([sshByte(MESSAGE.publicKeyOk), sshString(algorithm), sshString(key)])
}

export const encodeBanner = (text: string): Buffer => Buffer.concat([sshByte(MESSAGE.userAuthBanner), sshString(text), sshString('')])

export function decodeBanner(payload: Buffer): string {
  const reader = new SshReader(payload)
  reader.byte()
  return reader.text()
}
