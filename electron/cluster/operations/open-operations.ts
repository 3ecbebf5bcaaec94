import type { Address } from '../../../shared/address.ts'
import type { Log } from '../../log/log.ts'
import type { OperationsConfig } from '../config/cluster-config.ts'
import { ConnectionCount } from '../router/connection-count.ts'
import type { ConnectionObserver } from '../router/listener.ts'
import { ROUTER_LIMITS } from '../router/router-options.ts'
import { openDiagServer, type Readiness } from './diag-server.ts'
import { Metrics } from './metrics.ts'
import { observeConnections } from './observe-connections.ts'

/** What operators see and limit, whatever the process serves. */
export interface Operations {
  readonly metrics: Metrics
  readonly observer: ConnectionObserver
  readonly count: ConnectionCount
  /** Where metrics and health are; undefined = nowhere. */
  readonly diag: Address | undefined
  become(readiness: Readiness): void
  /** Idempotent. */
  close(): Promise<void>
}

/** @throws PorticoError `cluster/config` when `diag_addr` cannot be bound */
export async function openOperations(config: OperationsConfig, log: Log, now: () => number): Promise<Operations> {
  const { maxConnections = ROUTER_LIMITS.connections, maxPerAddress = ROUTER_LIMITS.connectionsPerAddress } = config
  const metrics = new Metrics()
  const started = now()
  metrics.gauge('process_start_time_seconds', 'Start of the process since 1970.', () => started / 1_000)
  metrics.gauge('process_resident_memory_bytes', 'Memory in use.', () => process.memoryUsage.rss())
  const observer = observeConnections(metrics, log, config.connectionLog)
  const count = new ConnectionCount(maxConnections, Math.min(maxPerAddress, maxConnections), log)
  let readiness: Readiness = 'starting'
  metrics.gauge('portico_ready', '1 while new connections are taken.', () => (readiness === 'ok' ? 1 : 0))
  const server =
    config.diag === undefined ? undefined : await openDiagServer({ listen: config.diag, metrics, readiness: () => readiness, log })
  return {
    metrics,
    observer,
    count,
    diag: server?.address,
    become(next) {
      readiness = next
    },
    close: async () => server?.close(),
  }
}
