import { X509Certificate } from 'node:crypto'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { decodeIdentity } from '../../wire/identity.ts'
import { formatSshKey } from '../../wire/ssh-keys.ts'
import { caPin, newKeyPair, privateKeyPem, publicKeyPem } from '../../wire/x509.ts'
import { signerOf, type HostIdentity } from './host-identity.ts'
import { postJson } from './web-post.ts'

export interface JoinRequest {
  readonly proxy: Address
  readonly token: string
  /** As in certificates: `Db`, … */
  readonly role: string
  readonly hostId: string
  readonly nodename: string
  /** Each `sha256:…` of a host authority's key; empty = none is asked for. */
  readonly caPins: readonly string[]
  /** PEM: what the web certificate is verified with. */
  readonly roots: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/**
 * Gets the host certificates of a service by a token. The token is sent only to a router whose web certificate is trusted; a pin is
 * checked besides. Teleport: lib/auth/register.go; wire/router-config.md 4.1 [captured: fixtures tunnel/register-node.*]
 * @throws PorticoError access/denied, proxy/unreachable, proxy/answer, proxy/pin-mismatch
 */
export async function joinCluster(join: JoinRequest): Promise<HostIdentity> {
  const { proxy, role, hostId, nodename } = join
  const keys = await newKeyPair('ecdsa-p256')
  const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')
  const answer = await postJson(
    proxy,
    '/v1/webapi/host/credentials',
    {
      hostID: hostId,
      node_name: nodename,
      role,
      token: join.token,
      additional_principals: [nodename, hostId],
      dns_names: null,
      // Teleport wants this label around an SPKI. [captured]
      public_tls_key: base64(publicKeyPem(keys.publicKey).replaceAll('PUBLIC KEY', 'RSA PUBLIC KEY')),
      public_ssh_key: base64(`${formatSshKey(keys.publicKey)}\n`),
      remote_addr: '',
      ec2_id: null,
      id_token: '',
    },
    join,
  )
  const where = formatAddress(proxy)
  const wrong = (why: string, cause?: unknown): PorticoError => new PorticoError('proxy/answer', { proxy: where, why }, cause)
  const text = (value: unknown): string => {
    if (typeof value !== 'string') throw wrong('the host certificates cannot be read')
    return Buffer.from(value, 'base64').toString('utf8')
  }
  const list = (value: unknown): readonly string[] => {
    if (!Array.isArray(value) || value.length === 0) throw wrong('the host authority is missing')
    return value.map(text)
  }
  const certificates = { ssh: text(answer['ssh']).trim(), tls: text(answer['tls']) }
  const hostCa = { tls: list(answer['tls_ca_certs']), ssh: list(answer['ssh_ca_certs']).map(key => key.trim()) }
  checkPins(hostCa.tls, join.caPins, where)
  try {
    const { identity } = decodeIdentity(certificates.tls)
    const made: HostIdentity = {
      hostId,
      cluster: identity.teleportCluster,
      role,
      key: privateKeyPem(keys.privateKey),
      certificates,
      hostCa,
    }
    signerOf(made)
    if (!identity.roles.includes(role) || !new X509Certificate(certificates.tls).checkPrivateKey(keys.privateKey))
      throw wrong('the host certificates are not what was asked for')
    return made
  } catch (thrown) {
    throw thrown instanceof PorticoError && thrown.code === 'proxy/answer' ? thrown : wrong('the host certificates cannot be read', thrown)
  }
}

/** Every authority must have a pin: one that has none may be anybody's. wire/identity.md 9.2 */
function checkPins(cas: readonly string[], pins: readonly string[], proxy: string): void {
  if (pins.length === 0) return
  const unknown = cas.map(caPin).find(pin => !pins.includes(pin.toLowerCase()))
  if (unknown !== undefined)
    throw new PorticoError('proxy/pin-mismatch', { proxy, why: `the cluster's host authority has the pin ${unknown}` })
}
