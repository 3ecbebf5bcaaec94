import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import type { OpenAuth } from './auth/open-auth.ts'
import type { AuthConfig, ClusterConfig, ProxyConfig } from './config/cluster-config.ts'
import { openCluster, type Cluster } from './open-cluster.ts'
import { Opened } from './opened.ts'

interface StartClusterOptions {
  readonly log: Log
  readonly signal?: AbortSignal
  readonly now?: () => number
  /** Runs when the auth service is open and before anything listens: what it adds is there from the first connection on. */
  readonly prepare?: (auth: OpenAuth) => Promise<void>
}

/**
 * Runs a whole cluster in this process.
 * @throws PorticoError `cluster/config`, `app/cancelled`
 */
export async function startCluster(config: ClusterConfig, options: StartClusterOptions): Promise<Cluster> {
  const { log, signal, now = Date.now, prepare } = options
  const opened = new Opened()
  try {
    return await openCluster(wholeCluster(config), { log, signal, now, prepare }, opened)
  } catch (thrown) {
    await opened.close()
    if (signal?.aborted === true) throw new PorticoError('app/cancelled', {}, thrown)
    log.error('cluster.failed', { cluster: config.auth?.clusterName ?? '' }, thrown)
    throw thrown
  }
}

function wholeCluster(config: ClusterConfig): ClusterConfig & { readonly auth: AuthConfig; readonly proxy: ProxyConfig } {
  const { auth, proxy } = config
  if (auth === undefined || proxy === undefined) {
    throw new PorticoError('app/bug', { why: 'the configuration is that of an agent' })
  }
  return { ...config, auth, proxy }
}
