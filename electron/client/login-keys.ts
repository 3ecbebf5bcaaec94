import { newKeyPair, privateKeyPem, publicKeyPem, type KeyObjects } from '../wire/x509.ts'
import { formatSshKey } from '../wire/ssh-keys.ts'
import { majorVersion } from './ping.ts'

/** From this major on a server takes two keys, and later ones nothing else. wire/webapi.md 4.1 */
const TWO_KEYS = 17

export const takesTwoKeys = (serverVersion: string): boolean => majorVersion(serverVersion) >= TWO_KEYS

/** The key pairs of one login: one pair for both uses up to version 16. */
export interface LoginKeys {
  readonly tls: KeyObjects
  readonly ssh: KeyObjects
}

/** RSA-2048 works with every old server; newer ones get the algorithms of their `balanced-v1` suite. wire/identity.md 8.1 */
export async function newLoginKeys(serverVersion: string): Promise<LoginKeys> {
  if (!takesTwoKeys(serverVersion)) {
    const one = await newKeyPair('rsa-2048')
    return { tls: one, ssh: one }
  }
  const [tls, ssh] = await Promise.all([newKeyPair('ecdsa-p256'), newKeyPair('ed25519')])
  return { tls, ssh }
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')

/** The fields of a login request that carry keys; a server refuses old and new ones together. */
export function keyBlock(keys: LoginKeys, serverVersion: string): Record<string, string> {
  const ssh = base64(`${formatSshKey(keys.ssh.publicKey)}\n`)
  return takesTwoKeys(serverVersion) ? { ssh_pub_key: ssh, tls_pub_key: base64(publicKeyPem(keys.tls.publicKey)) } : { pub_key: ssh }
}

/** RSA keys as PKCS#1: what MongoDB's tools, old JDBC drivers and OpenSSH read. wire/identity.md 8.1 */
export function privatePem({ privateKey }: KeyObjects): string {
  return privateKey.asymmetricKeyType === 'rsa' ? privateKey.export({ type: 'pkcs1', format: 'pem' }).toString() : privateKeyPem(privateKey)
}
