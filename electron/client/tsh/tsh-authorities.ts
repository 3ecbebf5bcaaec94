import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { splitPem } from '../../wire/pem.ts'
import type { HostCa } from '../client.ts'
import { namesIn, readText } from './tsh-files.ts'

/**
 * Host authorities of a profile: TLS from every file in `cas` (or, without that folder, `certs.pem`), SSH from known_hosts.
 * What cannot be read is left out. wire/profile-dir.md 5, 6
 * @param profile host of the proxy
 */
export async function readTshAuthorities(base: string, profile: string): Promise<readonly HostCa[]> {
  const keys = join(base, 'keys', profile)
  const files = await namesIn(join(keys, 'cas'))
  const paths = files.length === 0 ? [join(keys, 'certs.pem')] : files.map(name => join(keys, 'cas', name))
  const tls = new Map<string, string[]>()
  for (const path of paths) {
    for (const [cluster, pem] of certificates((await readText(path)) ?? '')) {
      const known = tls.get(cluster) ?? []
      if (!known.includes(pem)) tls.set(cluster, [...known, pem])
    }
  }
  const ssh = readKnownHosts((await readText(join(base, 'known_hosts'))) ?? '', profile)
  return [...tls].map(([cluster, pems]) => ({ cluster, tls: pems, ssh: ssh.get(cluster) ?? [] }))
}

function certificates(text: string): readonly (readonly [cluster: string, pem: string])[] {
  return splitPem(text, 'CERTIFICATE').flatMap(pem => {
    try {
      const cluster = /^CN=(.+)$/m.exec(new X509Certificate(pem).subject)?.[1]
      return cluster === undefined ? [] : [[cluster, pem] as const]
    } catch {
      return []
    }
  })
}

/** Authorized_keys lines by cluster. Three hosts: the first is the proxy; fewer: it is not said, and every profile may use them. */
export function readKnownHosts(text: string, profile: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [marker, hosts = '', type, key] = line.trim().split(/\s+/)
    if (marker !== '@cert-authority' || type === undefined || key === undefined) continue
    const names = hosts.split(',')
    if (names.length >= 3 && names[0] !== profile) continue
    const cluster = names.length >= 3 ? names[1]! : names[0]!
    found.set(cluster, [...(found.get(cluster) ?? []), `${type} ${key}`])
  }
  return found
}
