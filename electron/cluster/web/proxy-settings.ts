import { formatAddress, type Address } from '../../../shared/address.ts'
import type { ConfigVersion, ListenerMode, OwnPort, ProxyConfig } from '../config/cluster-config.ts'

/** The block `proxy` of ping and find: what is empty is left out. wire/router-config.md 3 */
export interface ProxySettings {
  readonly kube: { readonly enabled: boolean; readonly public_addr?: string; readonly listen_addr?: string }
  readonly ssh: {
    readonly listen_addr?: string
    readonly tunnel_listen_addr?: string
    readonly web_listen_addr: string
    readonly public_addr?: string
    readonly ssh_public_addr?: string
    readonly ssh_tunnel_public_addr?: string
  }
  readonly db: {
    readonly postgres_listen_addr?: string
    readonly postgres_public_addr?: string
    readonly mysql_listen_addr?: string
    readonly mysql_public_addr?: string
    readonly mongo_listen_addr?: string
    readonly mongo_public_addr?: string
  }
  readonly tls_routing_enabled: boolean
}

export interface AnnouncedProxy {
  readonly version: ConfigVersion
  readonly listenerMode: ListenerMode
  readonly publicAddresses: ProxyConfig['publicAddresses']
  readonly kubeEnabled: boolean
  /** As bound: the single port, and what listens besides. */
  readonly web: Address
  readonly ports: Readonly<Partial<Record<OwnPort, Address>>>
}

/**
 * Everything behind one address with v2, v3 and multiplex; each service's own address otherwise. v1 in multiplex mode tells TLS routing
 * and its own addresses. Public addresses are never rewritten. Teleport: lib/service/proxy_settings.go
 */
export function proxySettings(proxy: AnnouncedProxy): ProxySettings {
  const { version, listenerMode, publicAddresses, kubeEnabled, web, ports } = proxy
  const single = listenerMode === 'multiplex' && version !== 'v1' ? formatAddress(web) : undefined
  const listen = (port: OwnPort): string | undefined => single ?? (ports[port] && formatAddress(ports[port]))
  const announced = (service: 'web' | OwnPort): string | undefined => {
    const [first] = publicAddresses[service]
    return first && formatAddress(first.port === 0 ? { ...first, port: web.port } : first)
  }
  return {
    kube: {
      enabled: kubeEnabled,
      ...filled({ public_addr: announced('kube'), listen_addr: single ?? (kubeEnabled ? listen('kube') : undefined) }),
    },
    ssh: {
      ...filled({ listen_addr: listen('ssh'), tunnel_listen_addr: listen('tunnel') }),
      web_listen_addr: formatAddress(web),
      ...filled({ public_addr: announced('web'), ssh_public_addr: announced('ssh'), ssh_tunnel_public_addr: announced('tunnel') }),
    },
    db: filled({
      postgres_listen_addr: listen('postgres'),
      postgres_public_addr: announced('postgres') ?? postgresFallback(proxy),
      mysql_listen_addr: listen('mysql'),
      mysql_public_addr: announced('mysql'),
      // One address for all does not cover it. [captured]
      mongo_listen_addr: ports.mongo && formatAddress(ports.mongo),
      mongo_public_addr: announced('mongo'),
    }),
    tls_routing_enabled: listenerMode === 'multiplex',
  }
}

const NO_ADDRESSES: ProxyConfig['publicAddresses'] = { web: [], ssh: [], tunnel: [], kube: [], mysql: [], postgres: [], mongo: [] }

export function singlePort(web: Address, names: readonly Address[]): ProxySettings {
  const publicAddresses = { ...NO_ADDRESSES, web: names }
  return proxySettings({ version: 'v3', listenerMode: 'multiplex', publicAddresses, kubeEnabled: true, web, ports: {} })
}

/** For clients that know nothing of a listener of its own: its port at the proxy's first name. */
function postgresFallback({ publicAddresses, web, ports }: AnnouncedProxy): string | undefined {
  return ports.postgres && formatAddress({ host: publicAddresses.web[0]?.host ?? web.host, port: ports.postgres.port })
}

/** JSON has no undefined, and the order of the fields is Teleport's. */
function filled<K extends string>(fields: Readonly<Record<K, string | undefined>>): { [F in K]?: string } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [F in K]?: string }
}
