import { isIP } from 'node:net'
import { z } from 'zod'
import { address, flag, list, oneOrMore, text, timerDuration } from './schema-values.ts'

/** Default ports of a proxy's services. Teleport: lib/defaults/defaults.go; wire/router-config.md 1.1 */
export const DEFAULT_PORTS = { web: 3080, ssh: 3023, tunnel: 3024, kube: 3026, mysql: 3036, postgres: 5432, mongo: 27017 } as const

const cidr = text.refine(range => {
  const [host = '', bits, more] = range.split('/')
  const family = isIP(host)
  return family !== 0 && more === undefined && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
}, 'must be an address or a range such as 10.0.0.0/8')

/** `proxy_service`: Teleport's keys; ours are `proxy_protocol_from`. */
export const proxyService = z.strictObject({
  enabled: flag.default(true),
  web_listen_addr: address(DEFAULT_PORTS.web).default({ host: '0.0.0.0', port: DEFAULT_PORTS.web }),
  listen_addr: address(DEFAULT_PORTS.ssh).optional(),
  tunnel_listen_addr: address(DEFAULT_PORTS.tunnel).optional(),
  kube_listen_addr: address(DEFAULT_PORTS.kube).optional(),
  mysql_listen_addr: address(DEFAULT_PORTS.mysql).optional(),
  postgres_listen_addr: address(DEFAULT_PORTS.postgres).optional(),
  mongo_listen_addr: address(DEFAULT_PORTS.mongo).optional(),
  peer_listen_addr: address(3021).optional(),
  public_addr: oneOrMore.default([]),
  ssh_public_addr: oneOrMore.default([]),
  tunnel_public_addr: oneOrMore.default([]),
  kube_public_addr: oneOrMore.default([]),
  mysql_public_addr: oneOrMore.default([]),
  postgres_public_addr: oneOrMore.default([]),
  mongo_public_addr: oneOrMore.default([]),
  peer_public_addr: text.optional(),
  https_keypairs: z.array(z.strictObject({ key_file: text, cert_file: text })).default([]),
  https_keypairs_reload_interval: timerDuration.default(0),
  https_key_file: text.optional(),
  https_cert_file: text.optional(),
  acme: z.strictObject({ enabled: flag.default(false), email: text.optional(), uri: text.optional() }).default({ enabled: false }),
  proxy_protocol: z
    .union([z.boolean().transform(on => (on ? ('on' as const) : ('off' as const))), z.enum(['on', 'off'])], 'must be on or off')
    .default('on'),
  proxy_protocol_from: z.array(cidr).default([]),
  kubernetes: z
    .strictObject({
      enabled: flag.default(false),
      listen_addr: address(DEFAULT_PORTS.kube).optional(),
      public_addr: oneOrMore.default([]),
      kubeconfig_file: text.optional(),
    })
    .optional(),
  /** Settings of the web interface and its sign-in for others, which this proxy does not have: taken, so that files can be shared. */
  ui: z.strictObject({ scrollback_lines: z.int().min(0).optional() }).optional(),
  idp: z.strictObject({ saml: z.strictObject({ enabled: flag.default(false), base_url: text.optional() }).optional() }).optional(),
  trust_x_forwarded_for: flag.optional(),
  mysql_server_version: text.optional(),
})

/** A service that Teleport has and Portico has not: it may be there when it is off. */
export const absentService = z.looseObject({ enabled: flag.default(true) }).optional()

/** `connection_limits`: our meaning, in all and for one address. */
export const connectionLimits = z.strictObject({
  max_connections: z.int().min(1).optional(),
  max_per_address: z.int().min(1).optional(),
})

export const joinKeys = {
  auth_servers: list.optional(),
  auth_server: address(3025).optional(),
  proxy_server: address(DEFAULT_PORTS.web).optional(),
  auth_token: text.optional(),
  join_params: z.strictObject({ method: z.literal('token', 'only the method token is known'), token_name: text }).optional(),
  ca_pin: oneOrMore.default([]),
}
