import { isIP } from 'node:net'
import { PorticoError } from '../../../shared/errors.ts'
import { decodeSubject, encodeSubject, NO_IDENTITY } from '../../wire/identity.ts'
import { CLUSTER_SNI_SUFFIX } from '../../../shared/protocols.ts'
import { commonNameOnly, issueCertificate, newKeyPair, privateKeyPem, readCsr } from '../../wire/x509.ts'
import type { Auth, KeyPair } from './auth.ts'
import type { Authorities } from './authorities.ts'
import type { Roles } from './roles.ts'
import type { Trust } from './trust.ts'
import { longestSession } from './user-certificates.ts'
import type { Users } from './users.ts'

const TEN_YEARS_MS = 10 * 365 * 86_400_000
const TWELVE_HOURS_MS = 12 * 3_600_000
const MINUTE_MS = 60_000

type ServiceCertificates = Pick<Auth, 'hostKeyPair' | 'signDatabaseCsr' | 'generateDatabaseCert' | 'signDatabaseServer'>

const isAddress = (name: string): boolean => isIP(name) !== 0

/** Certificates of services and for the two hops behind the proxy. wire/identity.md 7, wire/database.md 3.4 and 9.1 */
export function serviceCertificates(
  clusterName: string,
  cas: Authorities,
  users: Users,
  roles: Roles,
  trust: Trust,
  now: () => number,
): ServiceCertificates {
  return {
    async hostKeyPair(role, hostId, hostname, principals): Promise<KeyPair> {
      const keys = await newKeyPair('ecdsa-p256')
      const kube = role === 'Proxy' ? [`remote.kube.proxy.${CLUSTER_SNI_SUFFIX}`] : []
      const names = [...new Set([hostname, ...principals, ...kube, `*.${CLUSTER_SNI_SUFFIX}`, CLUSTER_SNI_SUFFIX])].filter(
        name => name !== '',
      )
      const at = now()
      const subject = encodeSubject({
        ...NO_IDENTITY,
        username: `${hostId}.${clusterName}`,
        roles: [role === 'Auth' ? 'Admin' : role], // the auth server's own certificate says Admin [captured]
        teleportCluster: clusterName,
      })
      const cert = issueCertificate({
        ca: cas.host.tls,
        subject,
        publicKey: keys.publicKey,
        now: at,
        notAfter: at + TEN_YEARS_MS,
        dnsNames: names.filter(name => !isAddress(name)),
        ipAddresses: names.filter(isAddress),
      })
      return { key: privateKeyPem(keys.privateKey), cert }
    },

    async signDatabaseCsr(csrPem, cluster) {
      const csr = readCsr(csrPem)
      const identity = decodeSubject(csr.subject)
      if (identity.teleportCluster !== clusterName) {
        throw new PorticoError('access/denied', { why: 'can not sign certs for users of other clusters' })
      }
      const isHere = cluster === '' || cluster === clusterName
      const target = isHere ? cas.host.public : trust.cas('host').find(ca => ca.cluster === cluster)
      if (target === undefined || (!isHere && !trust.leaves().includes(cluster))) throw notFoundCluster(cluster)
      // A user who is gone loses databases at once, whatever the certificate still says.
      if ((await users.get(identity.username)) === undefined) throw notFoundUser(identity.username)
      const at = now()
      const cert = issueCertificate({
        ca: cas.db.tls,
        subject: encodeSubject({ ...identity, usage: ['usage:db'] }),
        publicKey: csr.publicKey,
        now: at,
        notAfter: at + longestSession(await roles.of(identity), TWELVE_HOURS_MS),
      })
      return { cert, caCerts: target.tls }
    },

    generateDatabaseCert(csrPem, ttlMs) {
      const csr = readCsr(csrPem)
      if (csr.commonName === '') return Promise.reject(new PorticoError('wire/malformed', { why: 'the request names no database user' }))
      const at = now()
      const cert = issueCertificate({
        ca: cas.db.tls,
        subject: commonNameOnly(csr.commonName),
        publicKey: csr.publicKey,
        now: at,
        notAfter: at + Math.min(Math.max(ttlMs, MINUTE_MS), TEN_YEARS_MS),
      })
      return Promise.resolve({ cert, caCerts: cas.db.public.tls })
    },

    async signDatabaseServer(hosts, ttlMs) {
      const [first] = hosts
      if (first === undefined) throw new PorticoError('cluster/config', { why: 'a database certificate needs a host name' })
      const keys = await newKeyPair('ecdsa-p256')
      const at = now()
      const cert = issueCertificate({
        ca: cas.db.tls,
        subject: commonNameOnly(first),
        publicKey: keys.publicKey,
        now: at,
        notAfter: at + ttlMs,
        dnsNames: hosts.filter(host => !isAddress(host)),
        ipAddresses: hosts.filter(isAddress),
      })
      return { key: privateKeyPem(keys.privateKey), cert, caCerts: cas.db.public.tls }
    },
  }
}

/** Go's words. Facts name what was looked for, so that a window can say it too. */
export function notFoundCluster(name: string): PorticoError {
  return new PorticoError('resource/not-found', { kind: 'cluster', name, why: `remote cluster "${name}" is not found` })
}

export function notFoundUser(name: string): PorticoError {
  return new PorticoError('resource/not-found', { kind: 'user', name, why: `user "${name}" is not found` })
}
