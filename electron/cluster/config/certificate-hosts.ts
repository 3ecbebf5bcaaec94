import { OWN_PORTS, type ProxyConfig } from './cluster-config.ts'

/** Names under which a cluster on this machine is reached. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'] as const
const ANY_HOST = new Set(['0.0.0.0', '::'])

/** Names that the certificates of this host carry: every public and listen address, and what this machine is for itself. */
export function certificateHosts({ web, ports, publicAddresses }: ProxyConfig): readonly string[] {
  const named = [...publicAddresses.web, ...OWN_PORTS.flatMap(port => publicAddresses[port])].map(({ host }) => host)
  const bound = [web, ...Object.values(ports).map(({ address }) => address)].map(({ host }) => host).filter(host => !ANY_HOST.has(host))
  return [...new Set([...named, ...OWN_NAMES, ...bound])]
}
