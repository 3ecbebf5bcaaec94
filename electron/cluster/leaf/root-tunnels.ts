import { parseAddress } from '../../../shared/address.ts'
import type { Log } from '../../log/log.ts'
import type { SshSigner } from '../../ssh/signer.ts'
import { parseSshKey } from '../../wire/ssh-keys.ts'
import type { RootCluster, Trust } from '../auth/trust.ts'
import { openRouterDialler } from '../joined/dial-router.ts'
import { openAgentPool, type AgentPool } from '../reverse-tunnel/agent-pool.ts'
import type { DialRequest } from '../reverse-tunnel/dial-request.ts'
import type { Dialled } from '../reverse-tunnel/transport.ts'

interface RootTunnelsOptions {
  readonly trust: Trust
  /** This proxy's `<host uuid>.<cluster>` and its host certificate. */
  readonly serverId: string
  readonly hostSigner: () => SshSigner
  /** PEM: what the roots' web certificates are verified with. */
  readonly webRoots: readonly string[]
  /** Within this cluster. */
  readonly dial: (request: DialRequest) => Promise<Dialled>
  readonly log: Log
  readonly now: () => number
}

const TUNNEL_PORT = 3024

/** A leaf's proxy in its roots' reverse tunnels: one pool per root that is trusted. Teleport: lib/reversetunnel/rc_manager.go */
export function openRootTunnels({ trust, serverId, hostSigner, webRoots, dial, log, now }: RootTunnelsOptions): { close(): void } {
  const pools = new Map<string, { readonly root: RootCluster; readonly pool: AgentPool }>()
  const dialRouter = openRouterDialler(webRoots)

  function open(root: RootCluster): AgentPool | undefined {
    const address = parseAddress(root.tunnelAddress, TUNNEL_PORT)
    const host = root.cas.find(ca => ca.type === 'host')
    if (address === undefined || host === undefined) return undefined
    const keys = host.ssh.map(parseSshKey)
    return openAgentPool({
      identity: { serverId, signer: hostSigner() },
      hostCas: () => keys,
      cluster: root.name,
      connect: signal => dialRouter(address, signal),
      dial,
      log,
      now,
    })
  }

  function follow(): void {
    const wanted = new Map(trust.roots().map(root => [root.name, root]))
    for (const [name, { root, pool }] of pools) {
      const now = wanted.get(name)
      if (now !== undefined && now.tunnelAddress === root.tunnelAddress && JSON.stringify(now.cas) === JSON.stringify(root.cas)) continue
      pool.close()
      pools.delete(name)
    }
    for (const [name, root] of wanted) {
      if (pools.has(name)) continue
      const pool = open(root)
      if (pool !== undefined) pools.set(name, { root, pool })
    }
  }

  follow()
  const unsubscribe = trust.onChange(follow)
  return {
    close() {
      unsubscribe()
      for (const { pool } of pools.values()) pool.close()
    },
  }
}
