import { z } from 'zod'
import type { TrustedClusterSetting } from './cluster-config.ts'
import { secret } from './join-config.ts'
import { address, flag, list, text } from './schema-values.ts'

const WEB_PORT = 3080
const TUNNEL_PORT = 3024

/** Teleport's `trusted_cluster` resource without its envelope; `name` is for people, the root says its own. */
export const trustedCluster = z.strictObject({
  name: text.optional(),
  enabled: flag.default(true),
  token: text,
  web_proxy_addr: address(WEB_PORT),
  /** Default: the single port of the root, which `web_proxy_addr` names. */
  tunnel_addr: address(TUNNEL_PORT).optional(),
  role_map: z.array(z.strictObject({ remote: text, local: list })).default([]),
})

export function trustedClusterSettings(
  given: readonly z.output<typeof trustedCluster>[],
  from: (path: string) => string,
): readonly TrustedClusterSetting[] {
  return given.map(({ enabled, token, web_proxy_addr: webProxy, tunnel_addr: tunnel = webProxy, role_map: roleMap }) => ({
    enabled,
    token: secret(token, from),
    webProxy,
    tunnel,
    roleMap,
  }))
}
