import type { KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { CLUSTER_SNI_SUFFIX } from '../../../shared/protocols.ts'
import { encodeSubject, NO_IDENTITY } from '../../wire/identity.ts'
import { issueSshCertificate, SSH_NO_END } from '../../wire/ssh-certificate.ts'
import { issueCertificate } from '../../wire/x509.ts'
import type { Authority } from './authorities.ts'

export interface HostCertificateRequest {
  /** As it stands in certificates: `Proxy`, `Db`, `Node`, `Instance`, … */
  readonly role: string
  readonly hostId: string
  readonly nodename: string
  /** Further names and addresses of the host. */
  readonly principals: readonly string[]
  readonly sshPublicKey: KeyObject
  readonly tlsPublicKey: KeyObject
}

export interface HostCertificates {
  /** authorized_keys-form line */
  readonly ssh: string
  /** PEM */
  readonly tls: string
}

const TEN_YEARS_MS = 10 * 365 * 86_400_000
const OWN_NAMES = ['localhost', '127.0.0.1', '::1']
/** Roles whose TLS certificate is also for the cluster's own names. wire/identity.md 7 */
const WITH_CLUSTER_NAMES: ReadonlySet<string> = new Set(['Auth', 'Admin', 'Proxy', 'Kube', 'App', 'Db', 'WindowsDesktop'])

/** The pair of certificates that a service of the cluster proves itself with. wire/identity.md 7 */
export function issueHostCertificates(ca: Authority, request: HostCertificateRequest, now: number): HostCertificates {
  const { role, hostId, nodename, principals, sshPublicKey, tlsPublicKey } = request
  const { cluster } = ca.public
  const kube = role === 'Proxy' ? [`remote.kube.proxy.${CLUSTER_SNI_SUFFIX}`] : []
  const named = nodename === '' ? [] : [`${nodename}.${cluster}`, nodename]
  const ssh = issueSshCertificate(
    {
      kind: 'host',
      publicKey: sshPublicKey,
      serial: 0n,
      keyId: '',
      principals: [...new Set([`${hostId}.${cluster}`, hostId, ...named, ...OWN_NAMES, ...principals, ...kube])],
      validAfter: BigInt(Math.floor(now / 1_000) - 60),
      validBefore: SSH_NO_END,
      criticalOptions: new Map(),
      extensions: new Map([
        ['x-teleport-authority', cluster],
        ['x-teleport-role', role],
      ]),
    },
    ca.ssh!,
  )
  const clusterNames = WITH_CLUSTER_NAMES.has(role) ? [`*.${CLUSTER_SNI_SUFFIX}`, CLUSTER_SNI_SUFFIX] : []
  const names = [...new Set([nodename, hostId, ...principals, ...OWN_NAMES, ...kube, ...clusterNames])].filter(name => name !== '')
  const tls = issueCertificate({
    ca: ca.tls,
    subject: encodeSubject({ ...NO_IDENTITY, username: `${hostId}.${cluster}`, roles: [role], teleportCluster: cluster }),
    publicKey: tlsPublicKey,
    now,
    notAfter: now + TEN_YEARS_MS,
    dnsNames: names.filter(name => isIP(name) === 0),
    ipAddresses: names.filter(name => isIP(name) !== 0),
  })
  return { ssh, tls }
}
