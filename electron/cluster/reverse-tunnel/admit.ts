import type { KeyObject } from 'node:crypto'
import { PorticoError } from '../../../shared/errors.ts'
import { checkHostCertificate, checkUserCertificate } from '../../ssh/check-certificate.ts'
import type { SshPublicKey } from '../../ssh/public-key.ts'
import { EXTENSION } from './names.ts'

/** Who is at the other end of a tunnel connection. */
export type TunnelPeer =
  | { readonly kind: 'host'; readonly cluster: string; readonly role: string }
  /** May only open transport channels. */
  | { readonly kind: 'user'; readonly cluster: string }

interface Admission {
  readonly clusterName: string
  /** The SSH keys of a cluster's authority; empty for a cluster that is not known. */
  readonly caKeys: (cluster: string, type: 'host' | 'user') => readonly KeyObject[]
  readonly now: () => number
}

const refused = (why: string): PorticoError => new PorticoError('ssh/login-refused', { why })

/**
 * Who may connect to the reverse tunnel: agents and leaf proxies by their host certificate, users for dialling.
 * Teleport: lib/reversetunnel/srv.go keyAuth; wire/router-config.md 4.1
 * @throws PorticoError ssh/login-refused
 */
export function admitToTunnel(user: string, key: SshPublicKey, from: string, { clusterName, caKeys, now }: Admission): TunnelPeer {
  const { certificate } = key
  if (certificate === undefined) throw refused("server doesn't support provided key type")
  const required = (name: string): string => {
    const found = certificate.extensions.get(name)
    if (found === undefined || found === '') throw refused(`failed to find extension ${name}`)
    return found
  }
  if (certificate.kind === 'host') {
    const cluster = required(EXTENSION.authority)
    const role = required(EXTENSION.role)
    const cas = keysOf(cluster, 'host')
    checkHostCertificate(key, { cas, principal: user, now: now() })
    return { kind: 'host', cluster, role }
  }
  required(EXTENSION.roles)
  // Users of leaf clusters do not come up to the root: their authority is never among ours.
  checkUserCertificate(key, { cas: keysOf(clusterName, 'user'), principal: user, from, now: now() })
  return { kind: 'user', cluster: certificate.extensions.get(EXTENSION.route) || clusterName }

  function keysOf(cluster: string, type: 'host' | 'user'): readonly KeyObject[] {
    const keys = caKeys(cluster, type)
    const { signatureKey } = certificate!
    if (!keys.some(ca => ca.equals(signatureKey))) throw refused(`cluster ${cluster} has no matching CA keys`)
    return keys
  }
}
