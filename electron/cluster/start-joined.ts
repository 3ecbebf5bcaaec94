import type { Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import { bound } from './config/bound.ts'
import type { ClusterConfig, JoinConfig } from './config/cluster-config.ts'
import { configError } from './config/config-source.ts'
import { startAgent } from './joined/start-agent.ts'
import { Opened } from './opened.ts'
import { openOperations } from './operations/open-operations.ts'
import { readSecret } from './seed.ts'

export interface Joined {
  readonly clusterName: string
  readonly hostId: string
  /** Where metrics and health are. */
  readonly diag: Address | undefined
  /** Idempotent. */
  close(): Promise<void>
}

interface StartJoinedOptions {
  readonly log: Log
  readonly signal?: AbortSignal
  readonly now?: () => number
}

/**
 * Runs what a configuration serves for a cluster elsewhere: the agent of its databases. Resolves when they are announced.
 * @throws PorticoError `cluster/config`, `access/denied`, `proxy/…`, `app/cancelled`
 */
export async function startJoined(config: ClusterConfig & { readonly join: JoinConfig }, options: StartJoinedOptions): Promise<Joined> {
  const { log, signal, now = Date.now } = options
  const { join, dataDir, nodename, extraRoots, databases } = config
  const [proxy] = join.addresses
  if (proxy === undefined || join.server === 'auth')
    throw configError(
      config,
      ['teleport', 'auth_server'],
      'joining at an auth service is not served by this version: name its proxy as proxy_server',
    )
  const opened = new Opened()
  try {
    const operations = await bound(config, ['teleport', 'diag_addr'], () => openOperations(config.operations, log, now))
    opened.add(() => operations.close())
    const { token } = join
    const agent = await startAgent({
      dataDir,
      nodename,
      proxy,
      token: async () => (token === undefined ? undefined : readSecret(token)),
      caPins: join.caPins,
      extraRoots,
      databases,
      log,
      signal,
      now,
    })
    opened.add(() => agent.close())
    operations.metrics.gauge('portico_agent_proxies', 'Proxies that this agent holds a tunnel to.', () => agent.proxies().length)
    operations.become('ok')
    let closing: Promise<void> | undefined
    const close = async (): Promise<void> => {
      operations.become('draining')
      await opened.close()
    }
    return { clusterName: agent.clusterName, hostId: agent.hostId, diag: operations.diag, close: () => (closing ??= close()) }
  } catch (thrown) {
    await opened.close()
    if (signal?.aborted === true) throw new PorticoError('app/cancelled', {}, thrown)
    log.error('agent.failed', {}, thrown)
    throw thrown
  }
}
