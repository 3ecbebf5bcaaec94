import { parseAddress, type Address } from '../../../shared/address.ts'
import type { ConfigVersion, JoinConfig, Secret } from './cluster-config.ts'
import type { Problems } from './config-source.ts'
import type { PorticoYaml } from './schema.ts'

type TeleportYaml = PorticoYaml['teleport']

const AUTH_PORT = 3025

/**
 * Which cluster a process joins, and how. The texts are Teleport's: lib/config/configuration.go applyAuthOrProxyAddress.
 * @param own this process is a cluster of its own: what names another auth service is checked, and not used
 * @returns undefined when the process is a cluster of its own
 */
export function joinConfig(yaml: PorticoYaml, own: boolean, from: (path: string) => string, problems: Problems): JoinConfig | undefined {
  const { teleport, version } = yaml
  checkVersion(teleport, version, problems)
  if (teleport.auth_token !== undefined && teleport.join_params !== undefined)
    problems.add(['teleport', 'auth_token'], 'auth_token and join_params say the same: keep one')
  if (teleport.proxy_server !== undefined && yaml.proxy_service.enabled)
    problems.add(['teleport', 'proxy_server'], 'proxy_server can not be specified when proxy service is enabled')
  teleport.ca_pin.forEach((pin, index) => {
    if (!/^sha256:[0-9a-f]{64}$/i.test(pin)) problems.add(['teleport', 'ca_pin', index], 'must be sha256: and 64 hexadecimal digits')
  })
  const addresses = serverAddresses(teleport, problems)
  if (own) return undefined
  if (addresses.length === 0)
    problems.add(['teleport'], version === 'v3' ? 'auth_server or proxy_server is required' : 'auth_servers is required')
  const token = teleport.auth_token ?? teleport.join_params?.token_name
  return {
    server: teleport.proxy_server !== undefined ? 'proxy' : teleport.auth_server !== undefined ? 'auth' : 'any',
    addresses,
    token: token === undefined ? undefined : secret(token, from),
    caPins: teleport.ca_pin.map(pin => pin.toLowerCase()),
  }
}

function checkVersion(teleport: TeleportYaml, version: ConfigVersion, problems: Problems): void {
  if (version === 'v3') {
    if (teleport.auth_servers !== undefined)
      problems.add(['teleport', 'auth_servers'], 'config v3 has replaced auth_servers with either auth_server or proxy_server')
    if (teleport.auth_server !== undefined && teleport.proxy_server !== undefined)
      problems.add(['teleport', 'proxy_server'], 'only one of auth_server or proxy_server should be set')
    return
  }
  for (const key of ['auth_server', 'proxy_server'] as const) {
    if (teleport[key] !== undefined) problems.add(['teleport', key], `${key} is supported from config version v3 onwards`)
  }
}

function serverAddresses(
  { auth_servers: servers = [], auth_server: auth, proxy_server: proxy }: TeleportYaml,
  problems: Problems,
): readonly Address[] {
  const listed = servers.flatMap((server, index) => {
    const found = parseAddress(server, AUTH_PORT)
    if (found === undefined) problems.add(['teleport', 'auth_servers', index], `"${server}" is no host:port`)
    return found === undefined ? [] : [found]
  })
  return [...(proxy === undefined ? [] : [proxy]), ...(auth === undefined ? [] : [auth]), ...listed]
}

/** As Teleport: what begins as a path is the file that holds it. */
export function secret(text: string, from: (path: string) => string): Secret {
  return /^\.{0,2}[/\\]|^[A-Za-z]:[/\\]/.test(text) ? { file: from(text) } : { text }
}
