import { createPublicKey } from 'node:crypto'
import { parseSshKey } from '../../wire/ssh-keys.ts'
import { publicKeyPem } from '../../wire/x509.ts'
import { WebRefusal } from './answer.ts'
import type { Body } from './read-json.ts'

/** Fields that every certificate request shares, of v13 (`pub_key`) and of v17 (the other two). wire/webapi.md 4.1 */
export const KEY_BLOCK = {
  pub_key: '[]uint8',
  ssh_pub_key: '[]uint8',
  tls_pub_key: '[]uint8',
  ttl: 'time.Duration',
  compatibility: 'string',
  RouteToCluster: 'string',
  KubernetesCluster: 'string',
} as const

interface PublicKeys {
  /** authorized_keys line */
  readonly sshPublicKey: string | undefined
  /** PEM */
  readonly tlsPublicKey: string | undefined
}

const given = (bytes: Buffer | undefined): bytes is Buffer => bytes !== undefined && bytes.length > 0

/** @throws WebRefusal 400 for a mixture of generations, 500 `ssh: no key found` for what is no key, as v13 answers [captured] */
export function publicKeysOf(block: Pick<Body<typeof KEY_BLOCK>, 'pub_key' | 'ssh_pub_key' | 'tls_pub_key'>): PublicKeys {
  const { pub_key: old, ssh_pub_key: ssh, tls_pub_key: tls } = block
  if (given(old) && (given(ssh) || given(tls))) {
    throw new WebRefusal(400, 'pub_key cannot be set together with ssh_pub_key or tls_pub_key')
  }
  if (given(old)) return { sshPublicKey: old.toString('utf8').trim(), tlsPublicKey: sshKeyAsPem(old.toString('utf8')) }
  if (!given(ssh) && !given(tls)) throw new WebRefusal(500, 'ssh: no key found')
  if (given(ssh)) sshKeyAsPem(ssh.toString('utf8'))
  return {
    sshPublicKey: given(ssh) ? ssh.toString('utf8').trim() : undefined,
    tlsPublicKey: given(tls) ? tlsKeyPem(tls.toString('utf8')) : undefined,
  }
}

function sshKeyAsPem(line: string): string {
  try {
    return publicKeyPem(parseSshKey(line))
  } catch {
    throw new WebRefusal(500, 'ssh: no key found')
  }
}

/** PKIX or PKCS#1; a private key would be taken by Node too, so the label is looked at first. */
function tlsKeyPem(pem: string): string {
  if (!/-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) throw new WebRefusal(400, 'expected PEM encoded public key')
  try {
    return publicKeyPem(createPublicKey(pem))
  } catch {
    throw new WebRefusal(400, 'expected PEM encoded public key')
  }
}
