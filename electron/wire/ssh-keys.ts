import { createPublicKey, type KeyObject } from 'node:crypto'
import { malformed } from './der.ts'
import { SshReader, sshMpint, sshString } from './ssh-bytes.ts'

/** Public keys as OpenSSH writes them: RSA, ECDSA on the three NIST curves, Ed25519. RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4 */

const ECDSA = 'ecdsa-sha2-'
/** Name of the curve: in SSH, in a JWK, in OpenSSL; bytes of a coordinate. */
const CURVES = [
  { ssh: 'nistp256', jwk: 'P-256', openssl: 'prime256v1', length: 32 },
  { ssh: 'nistp384', jwk: 'P-384', openssl: 'secp384r1', length: 48 },
  { ssh: 'nistp521', jwk: 'P-521', openssl: 'secp521r1', length: 66 },
] as const

export type SshKeyType = 'ssh-rsa' | `${typeof ECDSA}${(typeof CURVES)[number]['ssh']}` | 'ssh-ed25519'

/** Long enough for certificates with many extensions, short enough for a stranger. */
const MAX_LINE = 256 * 1024

export interface SshLine {
  readonly type: string
  readonly blob: Buffer
  readonly comment: string
}

/** Splits an authorized_keys line without options. @throws PorticoError wire/malformed `ssh: no key found`, Go's words */
export function splitSshLine(line: string): SshLine {
  const found = line.length > MAX_LINE ? null : /^\s*([a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+([^\r\n]*))?\s*$/.exec(line)
  if (found === null) throw malformed('ssh: no key found')
  const [type, blob] = [found[1]!, Buffer.from(found[2]!, 'base64')]
  const told =
    blob.length >= 4 + type.length && blob.readUInt32BE(0) === type.length ? blob.toString('latin1', 4, 4 + type.length) : undefined
  if (told !== type) throw malformed('ssh: no key found')
  return { type, blob, comment: found[3] ?? '' }
}

export function sshKeyType(key: KeyObject): SshKeyType {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return 'ssh-rsa'
    case 'ed25519':
      return 'ssh-ed25519'
    case 'ec': {
      const curve = CURVES.find(({ openssl }) => openssl === key.asymmetricKeyDetails?.namedCurve)
      if (curve !== undefined) return `${ECDSA}${curve.ssh}`
    }
  }
  throw malformed(`no SSH key type for ${key.asymmetricKeyType}`)
}

const fromUrl = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url')

/** The fields after the type: also the middle of a certificate. Takes public or private keys. */
export function sshKeyFields(key: KeyObject): Buffer {
  const type = sshKeyType(key)
  const jwk = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' })
  if (type === 'ssh-rsa') return Buffer.concat([sshMpint(fromUrl(jwk.e)), sshMpint(fromUrl(jwk.n))])
  if (type === 'ssh-ed25519') return sshString(fromUrl(jwk.x))
  return Buffer.concat([sshString(type.slice(ECDSA.length)), sshString(Buffer.concat([Buffer.from([4]), fromUrl(jwk.x), fromUrl(jwk.y)]))])
}

export function encodeSshKey(key: KeyObject): Buffer {
  return Buffer.concat([sshString(sshKeyType(key)), sshKeyFields(key)])
}

/** `ssh-rsa AAAA…` without an end of line. */
export function formatSshKey(key: KeyObject, comment = ''): string {
  return `${sshKeyType(key)} ${encodeSshKey(key).toString('base64')}${comment === '' ? '' : ` ${comment}`}`
}

/** Reads the fields that follow the type in a key blob or a certificate. */
export function readSshKeyFields(type: string, reader: SshReader): KeyObject {
  try {
    if (type === 'ssh-rsa') {
      const [e, n] = [reader.string(), reader.string()]
      return createPublicKey({
        format: 'jwk',
        key: { kty: 'RSA', e: trimmed(e).toString('base64url'), n: trimmed(n).toString('base64url') },
      })
    }
    if (type === 'ssh-ed25519')
      return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: reader.string().toString('base64url') } })
    const curve = CURVES.find(({ ssh }) => type === ECDSA + ssh)
    if (curve !== undefined) {
      const [name, point] = [reader.text(), reader.string()]
      if (name !== curve.ssh || point.length !== 1 + 2 * curve.length || point[0] !== 4) throw malformed('ECDSA point is wrong')
      const [x, y] = [point.subarray(1, 1 + curve.length), point.subarray(1 + curve.length)]
      return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: curve.jwk, x: x.toString('base64url'), y: y.toString('base64url') } })
    }
  } catch {
    throw malformed('an SSH key cannot be read')
  }
  throw malformed(`SSH key type ${type} is not supported`)
}

const trimmed = (mpint: Buffer): Buffer => (mpint[0] === 0 ? mpint.subarray(1) : mpint)

/** @throws PorticoError wire/malformed */
export function decodeSshKey(blob: Buffer): KeyObject {
  const reader = new SshReader(blob)
  const key = readSshKeyFields(reader.text(), reader)
  if (!reader.done) throw malformed('bytes follow an SSH key')
  return key
}

/** @throws PorticoError wire/malformed `ssh: no key found` */
export function parseSshKey(line: string): KeyObject {
  return decodeSshKey(splitSshLine(line).blob)
}
