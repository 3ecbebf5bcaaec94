import { formatAddress } from '../../shared/address.ts'
import { OWN_PORTS, type ClusterConfig, type ProxyConfig } from './config/cluster-config.ts'
import { refuseConfig } from './config/config-source.ts'
import { SERVED } from './open-cluster.ts'
import { portsToOpen, tunnelIsWeb, unservedPorts } from './operations/own-ports.ts'
import { proxySettings, type ProxySettings } from './web/proxy-settings.ts'

/** What a configuration would do, as `portico cluster check --json` prints it. Nothing secret. */
export interface ClusterPlan {
  readonly file: string
  readonly version: string
  readonly cluster: string | null
  readonly listen: readonly { readonly service: string; readonly address: string }[]
  /** The block `proxy` of `/webapi/find`; port 0 stands for any. */
  readonly announced: ProxySettings | null
  readonly joins: { readonly server: string; readonly addresses: readonly string[]; readonly hasToken: boolean } | null
  readonly storage: string
  readonly secondFactor: string | null
  readonly databases: readonly { readonly name: string; readonly protocol: string; readonly uri: string }[]
  readonly roles: readonly string[]
  readonly users: readonly string[]
  readonly drainMs: number
  /** What is allowed, and probably not meant. */
  readonly hints: readonly string[]
}

/** @throws PorticoError `cluster/config` for a port that nothing here serves */
export function checkCluster(config: ClusterConfig): ClusterPlan {
  const { file, version, auth, proxy, join, storage, databases, operations } = config
  if (proxy !== undefined)
    refuseConfig(
      config,
      unservedPorts(proxy, handler => SERVED.has(handler)),
    )
  const ports = proxy === undefined ? [] : portsToOpen(proxy, handler => SERVED.has(handler))
  const listen = [
    ...(proxy === undefined ? [] : [['web', proxy.web] as const]),
    ...ports,
    ...(auth?.listen === undefined ? [] : [['auth', auth.listen] as const]),
    ...(operations.diag === undefined ? [] : [['diag', operations.diag] as const]),
  ].map(([service, address]) => ({ service, address: formatAddress(address) }))
  const announced =
    proxy === undefined || auth === undefined
      ? null
      : proxySettings({
          version,
          listenerMode: auth.listenerMode,
          publicAddresses: proxy.publicAddresses,
          kubeEnabled: proxy.kubeEnabled,
          web: proxy.web,
          ports: { ...Object.fromEntries(ports), ...(tunnelIsWeb(proxy) ? { tunnel: proxy.web } : {}) },
        })
  return {
    file,
    version,
    cluster: auth?.clusterName ?? null,
    listen,
    announced,
    joins:
      join === undefined ? null : { server: join.server, addresses: join.addresses.map(formatAddress), hasToken: join.token !== undefined },
    storage: storage.type,
    secondFactor: auth?.secondFactor ?? null,
    databases: databases.map(({ name, dbProtocol, uri }) => ({ name, protocol: dbProtocol, uri })),
    roles: auth?.roles.map(({ name }) => name) ?? [],
    users: auth?.users.map(({ name }) => name) ?? [],
    drainMs: operations.drainMs,
    hints: proxy === undefined ? [] : hintsFor(config, proxy),
  }
}

function hintsFor({ auth, version }: ClusterConfig, proxy: ProxyConfig): readonly string[] {
  const hints: string[] = []
  if (auth?.listenerMode === 'separate')
    hints.push('proxy_listener_mode is separate: clients are not told to send everything through the web port; multiplex tells them')
  const missing = OWN_PORTS.filter(
    port => proxy.ports[port]?.named === false && !portsToOpen(proxy, handler => SERVED.has(handler)).some(([open]) => open === port),
  )
  if (missing.length > 0) hints.push(`${version} would also listen for ${missing.join(' and ')}, which this version does not serve`)
  if (proxy.proxyProtocol.accepted && proxy.proxyProtocol.from.length === 0)
    hints.push(
      'proxy_protocol is on for everybody: whoever connects may claim any source address; name proxy_protocol_from, or turn it off',
    )
  if (proxy.publicAddresses.web.length === 0) hints.push('no public_addr: the web certificate and the announcement name this machine only')
  return hints
}
