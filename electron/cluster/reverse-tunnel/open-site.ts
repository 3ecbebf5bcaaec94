import type { Duplex } from 'node:stream'
import type { KeyObject } from 'node:crypto'
import { formatAddress } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import { keySigner, type SshSigner } from '../../ssh/signer.ts'
import { parseSshKey } from '../../wire/ssh-keys.ts'
import { newKeyPair } from '../../wire/x509.ts'
import type { DatabaseServer, KeyPair } from '../auth/auth.ts'
import type { OpenAuth } from '../auth/open-auth.ts'
import { dialLocalAgents, openInMemory, type DialAgent, type ServesStreams } from '../database/dial-agent.ts'
import { duplexPair } from '../database/duplex-pair.ts'
import { openLeafSites, type LeafSites } from '../leaf/leaf-sites.ts'
import { openRootTunnels } from '../leaf/root-tunnels.ts'
import { bareHandshake, type Handshake } from '../router/route.ts'
import type { Storage } from '../storage/storage.ts'
import type { TunnelPeer } from './admit.ts'
import type { DialRequest } from './dial-request.ts'
import { LOCAL_NODE, REMOTE_AUTH, serverIdOf } from './names.ts'
import { openProxyList } from './proxy-list.ts'
import { dialLocalSite } from './resolve-dial.ts'
import type { Dialled } from './transport.ts'
import { openTunnelServer, type TunnelServer } from './tunnel-server.ts'

interface SiteOptions {
  readonly auth: OpenAuth
  readonly storage: Storage
  readonly hostId: string
  readonly nodename: string
  /** Names and addresses that clients and agents reach this proxy by. */
  readonly hosts: readonly string[]
  /** The proxy's TLS host certificate. */
  readonly hostKeyPair: () => KeyPair
  /** Services in this process. */
  readonly agents: () => readonly ServesStreams[]
  /** The auth service of this process. */
  readonly serveAuth: (stream: Duplex, handshake: Handshake) => unknown
  /** PEM: what the web certificates of roots are verified with. */
  readonly webRoots: readonly string[]
  readonly log: Log
  readonly now: () => number
}

/** What this proxy can reach: services here, agents and leaves over their tunnels; and what reaches it as a leaf. */
export interface Site {
  readonly tunnels: TunnelServer
  /** The proxy's SSH host key with its certificate. */
  readonly hostSigner: SshSigner
  readonly leaves: LeafSites
  readonly dialAgent: DialAgent
  /** Whether lists may show it: an agent that is away is not shown. */
  readonly isReachable: (server: DatabaseServer) => boolean
  /** A connection to the auth service of this process, in memory. */
  openAuth(handshake: Pick<Handshake, 'client'>): Duplex
  /** Tells agents to connect elsewhere. */
  drain(): void
  close(): Promise<void>
}

export async function openSite(options: SiteOptions): Promise<Site> {
  const { auth, storage, hostId, nodename, hosts, hostKeyPair, agents, log, now } = options
  const { clusterName } = auth
  // RSA as version 13: clients are told in their ssh_config to take nothing else.
  const keys = await newKeyPair('rsa-2048')
  const certificates = auth.hostCertificates({
    role: 'Proxy',
    hostId,
    nodename,
    principals: hosts,
    sshPublicKey: keys.publicKey,
    tlsPublicKey: keys.publicKey,
  })
  const hostSigner = keySigner(keys.privateKey, certificates.ssh)
  const localAgents = dialLocalAgents(agents)
  const agentOf = (serverId: string): ServesStreams | undefined =>
    [...agents()].find(agent => serverIdOf(agent.hostId, clusterName) === serverId)

  function openAuth(handshake: Pick<Handshake, 'client'>): Duplex {
    const [ours, theirs] = duplexPair()
    theirs.on('error', () => theirs.destroy())
    void options.serveAuth(theirs, bareHandshake(handshake.client))
    return ours
  }

  const within = (request: DialRequest, handshake: Pick<Handshake, 'client'>): Promise<Dialled> =>
    dialLocalSite(request, {
      clusterName,
      registry: tunnels.registry,
      local(serverId, connectionType) {
        const agent = connectionType === 'db' ? agentOf(serverId) : undefined
        return agent && openInMemory(agent, false)
      },
      auth: () => openAuth(handshake),
    })

  /** Agents and leaf proxies come for our auth service; users also for that of a leaf, which their certificate names. */
  async function dialFor(request: DialRequest, peer: TunnelPeer, handshake: Handshake): Promise<Dialled> {
    if (request.address !== REMOTE_AUTH)
      throw new PorticoError('proxy/unreachable', { why: `${request.address || request.serverId} is not served here` })
    if (peer.kind === 'host' || peer.cluster === clusterName) return within(request, handshake)
    const stream = await leaves.dialAuth(peer.cluster, handshake.client)
    if (stream === undefined) throw new PorticoError('proxy/unreachable', { why: `unknown cluster "${peer.cluster}"` })
    return { stream, byTunnel: true }
  }

  /** Who may come to the tunnel: our own, and leaves. A root does not come down here. */
  function caKeys(cluster: string, type: 'host' | 'user'): readonly KeyObject[] {
    const isKnown = cluster === clusterName || (type === 'host' && auth.trust.leaves().includes(cluster))
    const ca = isKnown ? auth.trustedCas(type).find(one => one.cluster === cluster) : undefined
    return (ca?.ssh ?? []).map(parseSshKey)
  }

  const late: { tunnels?: TunnelServer } = {}
  const proxies = await openProxyList(storage, hostId, now, () => late.tunnels?.announceProxies(), log)
  const tunnels = openTunnelServer({
    clusterName,
    hostSigner: () => hostSigner,
    caKeys,
    proxies: () => proxies.all(),
    dial: dialFor,
    log,
    now,
  })
  late.tunnels = tunnels
  const leaves = openLeafSites({ auth, registry: tunnels.registry, hostKeyPair })
  const roots = openRootTunnels({
    trust: auth.trust,
    serverId: serverIdOf(hostId, clusterName),
    hostSigner: () => hostSigner,
    webRoots: options.webRoots,
    // The client's address is what the root says: for the log only.
    dial: request => within(request, { client: { host: request.clientSource, port: 0 } }),
    log,
    now,
  })

  return {
    tunnels,
    hostSigner,
    leaves,
    async dialAgent(server, client) {
      if (agents().some(agent => agent.hostId === server.hostId)) return localAgents(server)
      const { stream } = await within(
        {
          address: LOCAL_NODE,
          serverId: serverIdOf(server.hostId, clusterName),
          connectionType: 'db',
          clientSource: client === undefined ? '' : formatAddress(client),
          clientDestination: '',
        },
        { client: client ?? { host: '', port: 0 } },
      )
      return stream
    },
    isReachable: ({ hostId: id }) =>
      agents().some(agent => agent.hostId === id) || tunnels.registry.reaches(serverIdOf(id, clusterName), 'db'),
    openAuth,
    drain() {
      // First, so that agents do not look for this proxy again.
      void proxies.leave()
      tunnels.drain()
    },
    async close() {
      roots.close()
      leaves.close()
      tunnels.close()
      await proxies.leave()
    },
  }
}
