import { formatAddress, parseAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { ConfigVersion, KeyPairFiles, OwnPort, ProxyConfig } from './cluster-config.ts'
import type { Problems } from './config-source.ts'
import { readKeyPair } from './key-pair.ts'
import { DEFAULT_PORTS } from './schema-proxy.ts'
import type { PorticoYaml } from './schema.ts'

type ProxyYaml = PorticoYaml['proxy_service']

/** Keys of the listeners of their own. */
const LISTEN_KEYS = {
  ssh: 'listen_addr',
  tunnel: 'tunnel_listen_addr',
  kube: 'kube_listen_addr',
  mysql: 'mysql_listen_addr',
  postgres: 'postgres_listen_addr',
  mongo: 'mongo_listen_addr',
} as const satisfies Record<OwnPort, keyof ProxyYaml>

export function listenKey(port: OwnPort): string {
  return LISTEN_KEYS[port]
}

const PUBLIC_KEYS = {
  web: 'public_addr',
  ssh: 'ssh_public_addr',
  tunnel: 'tunnel_public_addr',
  kube: 'kube_public_addr',
  mysql: 'mysql_public_addr',
  postgres: 'postgres_public_addr',
  mongo: 'mongo_public_addr',
} as const satisfies Record<'web' | OwnPort, keyof ProxyYaml>

const BOTH_KUBES =
  "proxy_service should either set kube_listen_addr/kube_public_addr or kubernetes.enabled, not both; keep kubernetes.enabled if you don't enable kubernetes_service, or keep kube_listen_addr otherwise"

/**
 * `proxy_service` with the rules of its version. Teleport: lib/config/configuration.go applyProxyConfig; wire/router-config.md 1
 * @param from makes a path of the file absolute
 */
export function proxyConfig(yaml: ProxyYaml, version: ConfigVersion, from: (path: string) => string, problems: Problems): ProxyConfig {
  checkSupport(yaml, problems)
  checkPublicNeedsListen(yaml, problems)
  const kube = kubeConfig(yaml, version, problems)
  const ports = ownPorts(yaml, version, kube)
  checkTaken(yaml.web_listen_addr, ports, problems)
  return {
    web: yaml.web_listen_addr,
    ports,
    publicAddresses: publicAddresses(yaml, ports, problems),
    kubeEnabled: kube.enabled,
    keyPairs: keyPairs(yaml, from, problems),
    keyPairsReloadMs: yaml.https_keypairs_reload_interval,
    proxyProtocol: { accepted: yaml.proxy_protocol === 'on', from: yaml.proxy_protocol_from },
  }
}

function checkSupport(yaml: ProxyYaml, problems: Problems): void {
  const absent = (key: string, what: string): void =>
    problems.add(['proxy_service', ...key.split('.')], `${what}: not served by this version`)
  if (yaml.acme.enabled) absent('acme.enabled', 'certificates by ACME; name https_keypairs')
  if (yaml.peer_listen_addr !== undefined) absent('peer_listen_addr', 'proxy peering')
  if (yaml.idp?.saml?.enabled === true) absent('idp.saml.enabled', 'signing in to others by SAML')
  if (yaml.kubernetes?.kubeconfig_file !== undefined) absent('kubernetes.kubeconfig_file', 'Kubernetes clusters of the proxy itself')
}

/** The texts are Teleport's. `postgres_public_addr` may stand alone: Postgres is on the web port then. */
function checkPublicNeedsListen(yaml: ProxyYaml, problems: Problems): void {
  for (const port of ['mysql', 'mongo'] as const) {
    if (yaml[PUBLIC_KEYS[port]].length === 0 || yaml[LISTEN_KEYS[port]] !== undefined) continue
    problems.add(['proxy_service', PUBLIC_KEYS[port]], `${LISTEN_KEYS[port]} must be set when ${PUBLIC_KEYS[port]} is set`)
  }
  if (yaml.peer_public_addr !== undefined && yaml.peer_listen_addr === undefined)
    problems.add(['proxy_service', 'peer_public_addr'], 'peer_listen_addr must be set when peer_public_addr is set')
}

interface KubeConfig {
  readonly enabled: boolean
  readonly listen: Address | undefined
}

/** The old section `kubernetes`, or the `kube_*` keys, or neither: on from v2 on. */
function kubeConfig(yaml: ProxyYaml, version: ConfigVersion, problems: Problems): KubeConfig {
  const old = yaml.kubernetes?.enabled === true ? yaml.kubernetes : undefined
  const isNew = yaml.kube_listen_addr !== undefined || yaml.kube_public_addr.length > 0
  if (old !== undefined && isNew) problems.add(['proxy_service', 'kubernetes'], BOTH_KUBES)
  else if (isNew && yaml.kube_listen_addr === undefined)
    problems.add(['proxy_service', 'kube_public_addr'], 'kube_listen_addr must be set when kube_public_addr is set')
  if (old !== undefined) return { enabled: true, listen: old.listen_addr }
  return { enabled: isNew || version !== 'v1', listen: yaml.kube_listen_addr }
}

function ownPorts(yaml: ProxyYaml, version: ConfigVersion, kube: KubeConfig): ProxyConfig['ports'] {
  const found: { -readonly [K in OwnPort]?: { readonly address: Address; readonly named: boolean } } = {}
  for (const port of Object.keys(LISTEN_KEYS) as OwnPort[]) {
    const address = port === 'kube' ? kube.listen : yaml[LISTEN_KEYS[port]]
    if (address !== undefined) found[port] = { address, named: true }
  }
  if (version === 'v1') {
    const usual = (port: OwnPort) => ({ address: { host: '0.0.0.0', port: DEFAULT_PORTS[port] }, named: false })
    found.ssh ??= usual('ssh')
    found.tunnel ??= usual('tunnel')
    if (kube.enabled) found.kube ??= usual('kube')
  }
  return found
}

/** Two services cannot have one port; only the tunnel may stand on the web port, where SSH is told from TLS. wire/router-config.md 1.4 */
function checkTaken(web: Address, ports: ProxyConfig['ports'], problems: Problems): void {
  const taken = new Map<string, string>([[formatAddress(web), 'web_listen_addr']])
  for (const [port, found] of Object.entries(ports) as [OwnPort, { readonly address: Address }][]) {
    const text = formatAddress(found.address)
    const by = taken.get(text)
    const isMerged = port === 'tunnel' && by === 'web_listen_addr'
    if (by !== undefined && !isMerged && found.address.port !== 0)
      problems.add(['proxy_service', LISTEN_KEYS[port]], `${text} is that of ${by} already`)
    taken.set(text, by ?? LISTEN_KEYS[port])
  }
}

function publicAddresses(yaml: ProxyYaml, ports: ProxyConfig['ports'], problems: Problems): ProxyConfig['publicAddresses'] {
  const read = (path: readonly string[], names: readonly string[], defaultPort: number): readonly Address[] =>
    names.flatMap((name, index) => {
      // 1 stands for a web port that is known late.
      const found = parseAddress(name, defaultPort === 0 ? 1 : defaultPort)
      const isBare = parseAddress(name, 1)?.port === 1 && parseAddress(name, 2)?.port === 2
      if (found !== undefined) return [isBare ? { ...found, port: defaultPort } : found]
      problems.add(['proxy_service', ...path, ...(names.length > 1 ? [index] : [])], `"${name}" is no host:port`)
      return []
    })
  const web = read(['public_addr'], yaml.public_addr, yaml.web_listen_addr.port)
  const old = yaml.kubernetes?.enabled === true ? yaml.kubernetes.public_addr : []
  const own = (port: OwnPort): readonly Address[] => read([PUBLIC_KEYS[port]], yaml[PUBLIC_KEYS[port]], DEFAULT_PORTS[port])
  const postgresPort = ports.postgres?.address.port ?? web[0]?.port ?? yaml.web_listen_addr.port
  return {
    web,
    ssh: own('ssh'),
    tunnel: own('tunnel'),
    kube: old.length > 0 ? read(['kubernetes', 'public_addr'], old, DEFAULT_PORTS.kube) : own('kube'),
    mysql: own('mysql'),
    postgres: read(['postgres_public_addr'], yaml.postgres_public_addr, postgresPort),
    mongo: own('mongo'),
  }
}

/** The old pair comes first: it stays the one for clients that name no host. What cannot be shown stops the start. */
function keyPairs(yaml: ProxyYaml, from: (path: string) => string, problems: Problems): readonly KeyPairFiles[] {
  const { https_key_file: keyFile, https_cert_file: certFile } = yaml
  if ((keyFile === undefined) !== (certFile === undefined)) {
    const there = keyFile === undefined ? 'https_cert_file' : 'https_key_file'
    problems.add(['proxy_service', there], 'https_key_file and https_cert_file belong together')
  }
  const found: KeyPairFiles[] = []
  const check = (key: string, cert: string, path: readonly PropertyKey[]): void => {
    const files = { keyFile: from(key), certFile: from(cert) }
    found.push(files)
    try {
      readKeyPair(files, Date.now())
    } catch (thrown) {
      problems.add(['proxy_service', ...path], thrown instanceof PorticoError ? String(thrown.facts['why']) : 'cannot be used')
    }
  }
  if (keyFile !== undefined && certFile !== undefined) check(keyFile, certFile, ['https_cert_file'])
  yaml.https_keypairs.forEach((pair, index) => check(pair.key_file, pair.cert_file, ['https_keypairs', index]))
  return found
}
