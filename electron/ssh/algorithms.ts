import { SSH_CERTIFICATE_SUFFIX, SSH_SIGNATURE_ALGORITHMS } from '../wire/ssh-signature.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { AlgorithmLists } from './messages/transport-messages.ts'

/** What we speak, best first. No finite-field DH (seconds of blocking under BoringSSL) and no chacha20 (missing there). */

export interface KexMethod {
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  /** OpenSSL's name of the curve */
  readonly curve: 'x25519' | 'prime256v1' | 'secp384r1' | 'secp521r1'
}

const CURVE25519: KexMethod = { hash: 'sha256', curve: 'x25519' }
export const KEX_METHODS: ReadonlyMap<string, KexMethod> = new Map<string, KexMethod>([
  ['curve25519-sha256', CURVE25519],
  ['curve25519-sha256@libssh.org', CURVE25519],
  ['ecdh-sha2-nistp256', { hash: 'sha256', curve: 'prime256v1' }],
  ['ecdh-sha2-nistp384', { hash: 'sha384', curve: 'secp384r1' }],
  ['ecdh-sha2-nistp521', { hash: 'sha512', curve: 'secp521r1' }],
])

export interface Cipher {
  readonly openssl: 'aes-128-gcm' | 'aes-256-gcm' | 'aes-128-ctr' | 'aes-192-ctr' | 'aes-256-ctr'
  readonly keyLength: number
  readonly ivLength: number
  /** Authenticates itself: no MAC beside it. */
  readonly aead: boolean
}

export const CIPHERS: ReadonlyMap<string, Cipher> = new Map<string, Cipher>([
  ['aes128-gcm@openssh.com', { openssl: 'aes-128-gcm', keyLength: 16, ivLength: 12, aead: true }],
  ['aes256-gcm@openssh.com', { openssl: 'aes-256-gcm', keyLength: 32, ivLength: 12, aead: true }],
  ['aes128-ctr', { openssl: 'aes-128-ctr', keyLength: 16, ivLength: 16, aead: false }],
  ['aes192-ctr', { openssl: 'aes-192-ctr', keyLength: 24, ivLength: 16, aead: false }],
  ['aes256-ctr', { openssl: 'aes-256-ctr', keyLength: 32, ivLength: 16, aead: false }],
])

export interface Mac {
  readonly hash: 'sha256' | 'sha512'
  readonly length: number
  /** Over the ciphertext, with the length in clear. OpenSSH: PROTOCOL 1.5 */
  readonly etm: boolean
}

export const MACS: ReadonlyMap<string, Mac> = new Map<string, Mac>([
  ['hmac-sha2-256-etm@openssh.com', { hash: 'sha256', length: 32, etm: true }],
  ['hmac-sha2-512-etm@openssh.com', { hash: 'sha512', length: 64, etm: true }],
  ['hmac-sha2-256', { hash: 'sha256', length: 32, etm: false }],
  ['hmac-sha2-512', { hash: 'sha512', length: 64, etm: false }],
])

/** Certificates first: a server that has both then shows its certificate. */
export const HOST_KEY_ALGORITHMS: readonly string[] = [
  ...SSH_SIGNATURE_ALGORITHMS.map(name => name + SSH_CERTIFICATE_SUFFIX),
  ...SSH_SIGNATURE_ALGORITHMS,
]

/** A choice of names from the tables above, in order; the default is all of them. */
export interface AlgorithmChoice {
  readonly kex?: readonly string[]
  readonly ciphers?: readonly string[]
  readonly macs?: readonly string[]
}

/** What stands in our KEXINIT. Kex names may be followed by markers (`ext-info-c`). */
export function offerOf(choice: AlgorithmChoice, hostKey: readonly string[], markers: readonly string[]): AlgorithmLists {
  const [ciphers, macs] = [choice.ciphers ?? [...CIPHERS.keys()], choice.macs ?? [...MACS.keys()]]
  return {
    kex: [...(choice.kex ?? KEX_METHODS.keys()), ...markers],
    hostKey,
    cipherToServer: ciphers,
    cipherToClient: ciphers,
    macToServer: macs,
    macToClient: macs,
    compressionToServer: ['none'],
    compressionToClient: ['none'],
  }
}

export interface Agreement {
  readonly kex: string
  readonly hostKey: string
  readonly toServer: { readonly cipher: string; readonly mac: string | undefined }
  readonly toClient: { readonly cipher: string; readonly mac: string | undefined }
}

/** The client's first name that the server has too, for each list. RFC 4253 7.1 @throws PorticoError ssh/no-common-algorithm */
export function agree(client: AlgorithmLists, server: AlgorithmLists, ours: 'client' | 'server'): Agreement {
  const pick = (what: string, list: keyof AlgorithmLists): string => {
    const found = client[list].find(name => server[list].includes(name))
    if (found !== undefined) return found
    const [mine, theirs] = ours === 'client' ? [client, server] : [server, client]
    throw new PorticoError('ssh/no-common-algorithm', { what, ours: mine[list], theirs: theirs[list].slice(0, 40) })
  }
  const way = (cipherList: 'cipherToServer' | 'cipherToClient', macList: 'macToServer' | 'macToClient') => {
    const cipher = pick('cipher', cipherList)
    return { cipher, mac: CIPHERS.get(cipher)?.aead === true ? undefined : pick('MAC', macList) }
  }
  pick('compression', 'compressionToServer')
  pick('compression', 'compressionToClient')
  return {
    kex: pick('key exchange', 'kex'),
    hostKey: pick('host key', 'hostKey'),
    toServer: way('cipherToServer', 'macToServer'),
    toClient: way('cipherToClient', 'macToClient'),
  }
}
