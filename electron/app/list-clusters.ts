import { parseAddress } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import { listClusters as ask } from '../client/list-clusters.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { Context } from './context.ts'

export interface KnownCluster {
  readonly name: string
  readonly status: 'online' | 'offline'
  readonly root: boolean
}

/**
 * The cluster of a login and the leaves below it, the root first.
 * @throws PorticoError `login/required`, `proxy/*`, `ssh/*`
 */
export async function listClusters(context: Context, profile: StoredProfile, signal?: AbortSignal): Promise<readonly KnownCluster[]> {
  const { proxy, cluster: rootCluster, hostCas } = profile
  const [address, login] = [parseAddress(proxy, 443), await context.profiles.keys(proxy)]
  if (address === undefined || login === undefined) throw new PorticoError('login/required', { proxy })
  const found = await ask({ proxy: address, rootCluster, login, hostCas, log: context.log, signal, now: context.now })
  return found.map(({ name, online }) => ({ name, status: online ? 'online' : 'offline', root: name === rootCluster }))
}
