import type { SshConnection } from '../../ssh/ssh-connection.ts'
import type { TunnelPeer } from './admit.ts'

/** One agent's or leaf proxy's connection. */
export interface Tunnel {
  /** `<host uuid>.<cluster>`: its SSH user. */
  readonly serverId: string
  /** `db`, `node`, …; undefined for a leaf's proxy. */
  readonly connectionType: string | undefined
  readonly cluster: string
  readonly connection: SshConnection<TunnelPeer>
  /** ms since 1970 of the last sign of life; 0 = no ping yet, so not ready. */
  lastPing: number
  /** A channel could not be opened, or it drains. */
  invalid: boolean
  /** Asked for a sign of life, and still without an answer. */
  silent: boolean
}

/**
 * Who can be reached. The newest connection that is ready and valid wins; an invalid one is the last resort. wire/router-config.md 4.3
 */
export class TunnelRegistry {
  readonly #agents = new Map<string, Tunnel[]>()
  readonly #leaves = new Map<string, Tunnel[]>()
  readonly #lastSeen = new Map<string, number>()

  add(tunnel: Tunnel): void {
    const [map, key] = this.#placeOf(tunnel)
    const there = map.get(key)
    if (there === undefined) map.set(key, [tunnel])
    else there.push(tunnel)
  }

  remove(tunnel: Tunnel): void {
    const [map, key] = this.#placeOf(tunnel)
    const left = map.get(key)?.filter(one => one !== tunnel) ?? []
    if (left.length === 0) map.delete(key)
    else map.set(key, left)
    if (tunnel.connectionType === undefined) this.#lastSeen.set(tunnel.cluster, tunnel.lastPing)
  }

  agent(serverId: string, connectionType: string): Tunnel | undefined {
    return best(this.#agents.get(keyOf(serverId, connectionType)))
  }

  /** A proxy of that leaf cluster. */
  leaf(cluster: string): Tunnel | undefined {
    return best(this.#leaves.get(cluster))
  }

  /** ms since 1970 of the leaf's last sign of life; 0 = never since the start. */
  leafSeen(cluster: string): number {
    return this.leaf(cluster)?.lastPing ?? this.#lastSeen.get(cluster) ?? 0
  }

  /** Whether a list may show what that agent announced. */
  reaches(serverId: string, connectionType: string): boolean {
    const tunnel = this.agent(serverId, connectionType)
    return tunnel !== undefined && isGood(tunnel)
  }

  all(): readonly Tunnel[] {
    return [...this.#agents.values(), ...this.#leaves.values()].flat()
  }

  #placeOf(tunnel: Tunnel): [map: Map<string, Tunnel[]>, key: string] {
    const { connectionType, serverId, cluster } = tunnel
    return connectionType === undefined ? [this.#leaves, cluster] : [this.#agents, keyOf(serverId, connectionType)]
  }
}

const keyOf = (serverId: string, connectionType: string): string => `${connectionType} ${serverId}`

const isGood = ({ invalid, silent }: Tunnel): boolean => !invalid && !silent

function best(tunnels: readonly Tunnel[] = []): Tunnel | undefined {
  const ready = tunnels.filter(({ lastPing }) => lastPing > 0)
  return ready.findLast(isGood) ?? ready.at(-1)
}
