import type { Address } from '../../../shared/address.ts'
import { formatAddress } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { RoleMapping } from '../auth/auth.ts'
import { SERVER_VERSION } from '../auth/messages.ts'
import type { OpenAuth } from '../auth/open-auth.ts'
import { postJson } from '../joined/web-post.ts'
import { decodeCa, encodeCa } from './ca-resource.ts'

/** `trusted_cluster`: this cluster is a leaf of another. wire/router-config.md 6 */
export interface TrustedClusterConfig {
  readonly enabled: boolean
  readonly token: () => Promise<string>
  readonly webProxy: Address
  readonly tunnel: Address
  readonly roleMap: readonly RoleMapping[]
}

/**
 * Exchanges authorities with the root and keeps its. A cluster that is known already is not asked again, but its address and role map are
 * taken as they are now.
 * @returns its name
 * @throws PorticoError access/denied (the root's words), proxy/…, wire/malformed, usage/invalid
 */
export async function joinRoot(
  auth: OpenAuth,
  config: TrustedClusterConfig,
  { roots, signal, log }: { readonly roots: readonly string[]; readonly signal?: AbortSignal | undefined; readonly log: Log },
): Promise<string> {
  const tunnelAddress = formatAddress(config.tunnel)
  const known = auth.trust.roots().find(root => root.tunnelAddress === tunnelAddress)
  if (known !== undefined) {
    await auth.trust.putRoot({ ...known, roleMap: config.roleMap })
    return known.name
  }
  const answer = await postJson(
    config.webProxy,
    '/v1/webapi/trustedclusters/validate',
    {
      token: await config.token(),
      certificate_authorities: [Buffer.from(encodeCa(auth.ca('host')), 'utf8').toString('base64')],
      teleport_version: SERVER_VERSION,
    },
    { roots, signal },
  )
  const given = answer['certificate_authorities']
  const malformed = (why: string): PorticoError => new PorticoError('proxy/answer', { proxy: formatAddress(config.webProxy), why })
  if (!Array.isArray(given)) throw malformed('no authorities came')
  const cas = given.flatMap(one => {
    const ca = decodeCa(Buffer.from(String(one), 'base64').toString('utf8'))
    return ca === undefined ? [] : [ca]
  })
  const name = cas[0]?.cluster
  if (name === undefined || name === auth.clusterName || auth.trust.leaves().includes(name))
    throw malformed('the authorities are of no other cluster')
  await auth.trust.putRoot({ name, tunnelAddress, roleMap: config.roleMap, cas })
  log.info('trust.root-added', { cluster: name })
  return name
}
