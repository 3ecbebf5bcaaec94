import type { KeyObject } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import { checkHostCertificate } from '../../ssh/check-certificate.ts'
import type { IncomingChannel } from '../../ssh/channel-open.ts'
import { openSshClient } from '../../ssh/open-ssh-client.ts'
import type { SshPublicKey } from '../../ssh/public-key.ts'
import type { SshSigner } from '../../ssh/signer.ts'
import type { SshChannel } from '../../ssh/ssh-channel.ts'
import { SERVER_VERSION } from '../auth/messages.ts'
import { decodeDiscovery } from './discovery.ts'
import type { DialRequest } from './dial-request.ts'
import { CHANNEL, GLOBAL, REQUEST } from './names.ts'
import { dialTransport, serveTransport, type Dialled } from './transport.ts'

export interface TunnelIdentity {
  /** `<host uuid>.<cluster>` */
  readonly serverId: string
  readonly signer: SshSigner
}

export interface AgentTunnelOptions {
  readonly identity: TunnelIdentity
  /** Host authorities of the cluster that is connected to. */
  readonly hostCas: () => readonly KeyObject[]
  /** Its name: the router's certificate must be of it. */
  readonly cluster: string
  /** A router that has a tunnel of ours already gets no second one. */
  readonly isHeld: (proxyId: string) => boolean
  readonly onDiscovery: (proxies: readonly string[]) => void
  /** The router asks to connect elsewhere. */
  readonly onDrain: () => void
  /** Opens what the router dials. @throws PorticoError proxy/unreachable */
  readonly dial: (request: DialRequest) => Promise<Dialled>
  readonly signal?: AbortSignal | undefined
  readonly log: Log
  readonly now?: () => number
}

export interface AgentTunnel {
  /** Host id of the router at the other end. */
  readonly proxyId: string
  /** Settles once, when the connection is over. */
  readonly closed: Promise<unknown>
  /** Connections that the router has opened and that still run. */
  readonly served: () => number
  /** A connection to something behind the router, such as its auth service. @throws PorticoError proxy/unreachable */
  open(request: DialRequest): Promise<Duplex>
  /** Takes no further channels. */
  stopServing(): void
  close(): void
}

/** Teleport: keep_alive_interval of 5 min. Ours is shorter, so that a router that has vanished is noticed. */
const PING_MS = 15_000
const KEEP_ALIVE_MS = 10_000

/**
 * One agent's connection to one router, over TLS or anything else. wire/router-config.md 4.1, 4.2
 * @returns undefined when it leads to a router that is held
 * @throws PorticoError ssh/…, wire/…, app/cancelled
 */
export async function openAgentTunnel(stream: Duplex, options: AgentTunnelOptions): Promise<AgentTunnel | undefined> {
  const { identity, cluster, log, now = Date.now, signal } = options
  let proxyId = ''
  let serving = true
  let served = 0

  const verifyHost = (key: SshPublicKey): void => {
    const principal = key.certificate?.principals.find(name => name.endsWith(`.${cluster}`)) ?? ''
    checkHostCertificate(key, { cas: options.hostCas(), principal, now: now() })
    proxyId = principal.slice(0, -cluster.length - 1)
  }

  function onChannel(incoming: IncomingChannel): void {
    if (incoming.type === CHANNEL.discovery) return readDiscovery(incoming.accept())
    if (incoming.type !== CHANNEL.transport) return incoming.reject(`unknown channel type: ${incoming.type}`)
    if (!serving) return incoming.reject('the agent is draining')
    served++
    serveTransport(incoming, options.dial, log).once('close', () => served--)
  }

  function readDiscovery(channel: SshChannel): void {
    channel.resume()
    channel.onRequest(({ type, data }) => {
      if (type !== REQUEST.discovery) return false
      options.onDiscovery(decodeDiscovery(data))
      return true
    })
  }

  const connection = await openSshClient(stream, {
    verifyHost,
    user: identity.serverId,
    identities: [identity.signer],
    onChannel,
    onGlobal(name) {
      if (name === GLOBAL.version) return Buffer.from(SERVER_VERSION, 'utf8')
      if (name !== GLOBAL.reconnect) return false
      options.onDrain()
      return true
    },
    signal,
    log,
  })
  // Before it could be registered: the router would dial through it, and lose that when it is dropped.
  if (options.isHeld(proxyId)) {
    void connection.close()
    return undefined
  }
  try {
    const heartbeat = await connection.open(CHANNEL.heartbeat, { signal })
    heartbeat.resume()
    // An end of the heartbeat ends the agent's registration: there is no point in what is left.
    heartbeat.once('close', () => void connection.close())
    heartbeat.notify(REQUEST.ping)
    const ping = setInterval(() => {
      if (!heartbeat.destroyed) heartbeat.notify(REQUEST.ping, Buffer.from(new Date(now()).toISOString(), 'utf8'))
    }, PING_MS)
    const keepAlive = setInterval(() => {
      const late = setTimeout(() => void connection.close(), KEEP_ALIVE_MS)
      connection.global(GLOBAL.keepAlive).then(
        () => clearTimeout(late),
        () => clearTimeout(late),
      )
    }, PING_MS)
    void connection.closed.then(() => {
      clearInterval(ping)
      clearInterval(keepAlive)
    })
  } catch (thrown) {
    void connection.close()
    throw PorticoError.from(thrown)
  }
  return {
    proxyId,
    closed: connection.closed,
    served: () => served,
    open: request => dialTransport(connection, request),
    stopServing: () => (serving = false),
    close: () => void connection.close(),
  }
}
