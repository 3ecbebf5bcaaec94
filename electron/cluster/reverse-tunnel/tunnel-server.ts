import type { KeyObject } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Log } from '../../log/log.ts'
import type { IncomingChannel } from '../../ssh/channel-open.ts'
import { OPEN_REFUSED } from '../../ssh/messages/message-number.ts'
import { serveSsh } from '../../ssh/serve-ssh.ts'
import type { SshSigner } from '../../ssh/signer.ts'
import type { SshChannel } from '../../ssh/ssh-channel.ts'
import type { SshConnection } from '../../ssh/ssh-connection.ts'
import type { Handler, Handshake } from '../router/route.ts'
import { admitToTunnel, type TunnelPeer } from './admit.ts'
import type { DialRequest } from './dial-request.ts'
import { encodeDiscovery } from './discovery.ts'
import { CHANNEL, CONNECTION_TYPES, GLOBAL, LEAF_ROLE, REQUEST } from './names.ts'
import { TunnelRegistry, type Tunnel } from './tunnel-registry.ts'
import { serveTransport, type Dialled } from './transport.ts'

export interface TunnelServerOptions {
  readonly clusterName: string
  /** The proxy's host certificate. */
  readonly hostSigner: () => SshSigner
  readonly caKeys: (cluster: string, type: 'host' | 'user') => readonly KeyObject[]
  /** Host ids of every proxy of the cluster, this one's too. */
  readonly proxies: () => readonly string[]
  /** For transport channels that others open: agents ask for auth, leaf proxies and users too. @throws PorticoError proxy/unreachable */
  readonly dial: (request: DialRequest, peer: TunnelPeer, handshake: Handshake) => Promise<Dialled>
  readonly log: Log
  readonly now?: () => number
  /** ms between two questions for a sign of life, and until an agent without one is hidden. */
  readonly probeMs?: number
}

export interface TunnelServer {
  /** Handler of the reverse tunnel's route. */
  readonly serve: Handler
  readonly registry: TunnelRegistry
  /** Tells every agent the list of proxies: call it when the list has changed. */
  announceProxies(): void
  /** Asks every agent to connect elsewhere; what runs goes on. */
  drain(): void
  /** Idempotent. */
  close(): void
}

/** Teleport's agents answer any unknown global request: that is asked every 2 s, so that a dead machine is gone from the lists within 5. */
const PROBE_MS = 2_000
/** Without any answer this long the connection is cut, ms. */
const GONE_MS = 60_000
/** Two thirds of how long proxies stay in the list. */
const DISCOVERY_MS = 400_000
const NOT_FOR_PEOPLE = 'Cannot open new SSH session on reverse tunnel. Are you connecting to the right port?'

/** The router's end of the reverse tunnel. Teleport: lib/reversetunnel/srv.go, conn.go; wire/router-config.md 4 */
export function openTunnelServer(options: TunnelServerOptions): TunnelServer {
  const { clusterName, caKeys, log, now = Date.now, probeMs = PROBE_MS } = options
  const registry = new TunnelRegistry()
  const connections = new Map<SshConnection<TunnelPeer>, Handshake>()
  const streams = new Set<Duplex>()
  const discoveries = new Map<Tunnel, SshChannel>()
  const asked = new Map<Tunnel, number>()

  function onChannel(incoming: IncomingChannel, connection: SshConnection<TunnelPeer>, handshake: Handshake): void {
    const { type } = incoming
    if (type === CHANNEL.heartbeat) return register(incoming, connection)
    if (type === CHANNEL.transport) {
      return void serveTransport(incoming, request => options.dial(request, connection.session, handshake), log)
    }
    incoming.reject(type === 'session' ? NOT_FOR_PEOPLE : `unknown channel type: ${type}`, OPEN_REFUSED.unknownType)
  }

  function register(incoming: IncomingChannel, connection: SshConnection<TunnelPeer>): void {
    const peer = connection.session
    if (peer.kind === 'user') return incoming.reject('a user cannot register')
    const { cluster, role } = peer
    const isLeaf = role === LEAF_ROLE && cluster !== clusterName
    const connectionType = CONNECTION_TYPES[role]
    if (!isLeaf && connectionType === undefined) return incoming.reject(`unsupported role ${role}`)
    if (!isLeaf && cluster !== clusterName) {
      log.warn('tunnel.refused', { agent: connection.user, role, cluster })
      incoming.reject(`agent from cluster ${cluster} cannot register local service ${role}`)
      return void connection.close()
    }
    const tunnel: Tunnel = {
      serverId: connection.user,
      connectionType: isLeaf ? undefined : connectionType,
      cluster,
      connection,
      lastPing: 0,
      invalid: false,
      silent: false,
    }
    const heartbeat = incoming.accept()
    heartbeat.resume()
    heartbeat.onRequest(({ type }) => {
      if (type !== REQUEST.ping) return false
      if (tunnel.lastPing === 0) log.info('tunnel.up', { agent: tunnel.serverId, role, cluster })
      tunnel.lastPing = now()
      return true
    })
    registry.add(tunnel)
    const gone = (): void => {
      registry.remove(tunnel)
      asked.delete(tunnel)
      discoveries.delete(tunnel)
    }
    heartbeat.once('close', gone)
    void connection.closed.then(cause => {
      gone()
      log.info('tunnel.down', { agent: tunnel.serverId, role, cluster, why: String(cause?.facts['why'] ?? '') })
    })
    void openDiscovery(tunnel)
  }

  async function openDiscovery(tunnel: Tunnel): Promise<void> {
    try {
      const channel = await tunnel.connection.open(CHANNEL.discovery)
      channel.resume()
      discoveries.set(tunnel, channel)
      channel.once('close', () => {
        if (discoveries.get(tunnel) === channel) discoveries.delete(tunnel)
      })
      tellProxies(channel)
    } catch (thrown) {
      log.debug('tunnel.discovery', { agent: tunnel.serverId }, thrown)
    }
  }

  const tellProxies = (channel: SshChannel): void => channel.notify(REQUEST.discovery, encodeDiscovery(options.proxies()))
  const announceProxies = (): void => discoveries.forEach(tellProxies)

  function probe(): void {
    const at = now()
    for (const tunnel of registry.all()) {
      const since = asked.get(tunnel)
      if (since !== undefined) {
        tunnel.silent = true
        if (at - since > GONE_MS) void tunnel.connection.close()
        continue
      }
      asked.set(tunnel, at)
      tunnel.connection.global(GLOBAL.keepAlive).then(
        () => {
          asked.delete(tunnel)
          tunnel.silent = false
        },
        () => {},
      )
    }
  }

  const probing = setInterval(probe, probeMs).unref()
  const discovering = setInterval(announceProxies, DISCOVERY_MS).unref()

  return {
    async serve(stream, handshake) {
      streams.add(stream)
      stream.once('close', () => streams.delete(stream))
      const connection = await serveSsh<TunnelPeer>(stream, {
        hostKeys: [options.hostSigner()],
        authorize: (user, key) => admitToTunnel(user, key, handshake.client.host, { clusterName, caKeys, now }),
        onChannel: (incoming, from) => onChannel(incoming, from, handshake),
        log,
      })
      connections.set(connection, handshake)
      void connection.closed.then(() => connections.delete(connection))
    },
    registry,
    announceProxies,
    drain() {
      for (const tunnel of registry.all()) {
        tunnel.invalid = true
        tunnel.connection.global(GLOBAL.reconnect).catch(() => {})
      }
    },
    close() {
      clearInterval(probing)
      clearInterval(discovering)
      for (const connection of connections.keys()) void connection.close()
      for (const stream of streams) stream.destroy()
    },
  }
}
