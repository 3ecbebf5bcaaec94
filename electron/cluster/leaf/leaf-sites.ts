import type { Duplex } from 'node:stream'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { AuthService } from '../../wire/gen/authservice_pb.ts'
import type { KeyPair } from '../auth/auth.ts'
import { openAuthClient, type AuthClient } from '../auth/auth-client.ts'
import type { OpenAuth } from '../auth/open-auth.ts'
import { databaseServerOf } from '../auth/read-messages.ts'
import type { DatabaseSite } from '../database/dial-agent.ts'
import type { DialRequest } from '../reverse-tunnel/dial-request.ts'
import { LOCAL_NODE, REMOTE_AUTH, serverIdOf } from '../reverse-tunnel/names.ts'
import { dialThrough } from '../reverse-tunnel/resolve-dial.ts'
import type { TunnelRegistry } from '../reverse-tunnel/tunnel-registry.ts'

interface LeafSitesOptions {
  readonly auth: OpenAuth
  readonly registry: TunnelRegistry
  /** This proxy's host certificate: leaves let it read what they have. */
  readonly hostKeyPair: () => KeyPair
}

export interface ListedCluster {
  readonly name: string
  readonly online: boolean
  /** ms since 1970; 0 = never since the start */
  readonly lastSeen: number
}

/** The clusters below this one, through the tunnels that their proxies hold. */
export interface LeafSites {
  /** undefined: not a leaf, or away. */
  site(cluster: string): DatabaseSite | undefined
  /** To its auth service; undefined: not a leaf, or away. @throws PorticoError proxy/unreachable */
  dialAuth(cluster: string, client: Address | undefined): Promise<Duplex | undefined>
  list(): readonly ListedCluster[]
  close(): void
}

/** Entries that a leaf may have of one database: each agent is one. */
const PAGE = 1_000
const MOST = 200_000

export function openLeafSites({ auth, registry, hostKeyPair }: LeafSitesOptions): LeafSites {
  const clients = new Map<string, AuthClient>()

  async function dial(cluster: string, request: DialRequest): Promise<Duplex> {
    const tunnel = auth.trust.leaves().includes(cluster) ? registry.leaf(cluster) : undefined
    if (tunnel === undefined) throw new PorticoError('proxy/unreachable', { why: `cluster "${cluster}" is offline` })
    return dialThrough(tunnel, request)
  }

  function clientOf(cluster: string): AuthClient {
    let client = clients.get(cluster)
    if (client === undefined) {
      client = openAuthClient({
        dial: () => dial(cluster, toAuth(undefined)),
        ownCluster: auth.clusterName,
        keyPair: hostKeyPair,
        roots: () => auth.trustedCas('host').find(one => one.cluster === cluster)?.tls ?? [],
      })
      clients.set(cluster, client)
    }
    return client
  }

  async function databaseServers(cluster: string) {
    const servers = []
    let startKey = ''
    do {
      const page = await clientOf(cluster).call(AuthService.method.listResources, {
        ResourceType: 'db_server',
        Namespace: 'default',
        Limit: PAGE,
        StartKey: startKey,
      })
      for (const { Resource } of page.Resources) {
        const server = Resource.case === 'DatabaseServer' ? databaseServerOf(Resource.value) : undefined
        if (server !== undefined) servers.push(server)
      }
      startKey = page.NextKey
    } while (startKey !== '' && servers.length < MOST)
    return servers
  }

  // A cluster that is trusted no more keeps no connection.
  const unsubscribe = auth.trust.onChange(() => {
    const leaves = auth.trust.leaves()
    for (const [cluster, client] of clients) {
      if (leaves.includes(cluster)) continue
      clients.delete(cluster)
      client.close()
    }
  })

  return {
    site(cluster) {
      if (!auth.trust.leaves().includes(cluster) || registry.leaf(cluster) === undefined) return undefined
      return {
        databaseServers: () => databaseServers(cluster),
        dialAgent: ({ hostId }, client) =>
          dial(cluster, {
            address: LOCAL_NODE,
            serverId: serverIdOf(hostId, cluster),
            connectionType: 'db',
            clientSource: client === undefined ? '' : formatAddress(client),
            clientDestination: '',
          }),
      }
    },
    async dialAuth(cluster, client) {
      if (!auth.trust.leaves().includes(cluster) || registry.leaf(cluster) === undefined) return undefined
      return dial(cluster, toAuth(client))
    },
    list: () => auth.trust.leaves().map(name => ({ name, online: registry.leaf(name) !== undefined, lastSeen: registry.leafSeen(name) })),
    close() {
      unsubscribe()
      for (const client of clients.values()) client.close()
    },
  }
}

const toAuth = (client: Address | undefined): DialRequest => ({
  address: REMOTE_AUTH,
  serverId: '',
  connectionType: 'node',
  clientSource: client === undefined ? '' : formatAddress(client),
  clientDestination: '',
})
