import type { SecondFactor } from '../auth/auth.ts'
import type { ProxySettings } from './proxy-settings.ts'

/** The cluster announces v13: the oldest version whose wire formats all of Portico speaks. */
export const SERVER_VERSION = '13.0.0'
const MIN_CLIENT_VERSION = '12.0.0'

interface Announcement {
  readonly clusterName: string
  readonly secondFactor: SecondFactor
  readonly proxy: ProxySettings
}

function document(announced: Announcement, auth: object, minClientVersion: string): object {
  return {
    auth,
    proxy: announced.proxy,
    server_version: SERVER_VERSION,
    min_client_version: minClientVersion,
    cluster_name: announced.clusterName,
  }
}

/**
 * `/webapi/ping`, and `/webapi/ping/:connector` when a connector is named (its own name in `local.name`, no minimum version).
 * Field order as captured. wire/webapi.md 3
 */
export function pingDocument(announced: Announcement, connector?: string): object {
  const { secondFactor } = announced
  const auth = {
    type: 'local',
    second_factor: secondFactor,
    ...(secondFactor === 'otp' ? { preferred_local_mfa: 'otp' } : {}),
    local: { name: connector ?? '' },
    private_key_policy: 'none',
    device_trust_disabled: true,
    has_motd: false,
  }
  return document(announced, auth, connector === undefined ? MIN_CLIENT_VERSION : '')
}

/** `/webapi/find`: only addresses are filled. */
export function findDocument(announced: Announcement): object {
  return document(announced, { type: '', private_key_policy: '', has_motd: false }, MIN_CLIENT_VERSION)
}
