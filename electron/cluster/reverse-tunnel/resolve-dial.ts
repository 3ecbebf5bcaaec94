import type { Duplex } from 'node:stream'
import { PorticoError } from '../../../shared/errors.ts'
import type { DialRequest } from './dial-request.ts'
import { LOCAL_NODE, REMOTE_AUTH, TUNNEL_ONLY } from './names.ts'
import { dialTransport, type Dialled } from './transport.ts'
import type { Tunnel, TunnelRegistry } from './tunnel-registry.ts'

interface LocalSite {
  readonly clusterName: string
  readonly registry: TunnelRegistry
  /** A service in this process. */
  readonly local: (serverId: string, connectionType: string) => Duplex | undefined
  readonly auth: () => Duplex
}

const unreachable = (why: string): PorticoError => new PorticoError('proxy/unreachable', { why })

/** Words that tell the proxy to try the next agent. Teleport: lib/reversetunnel/localsite.go */
const OFFLINE: Readonly<Record<string, string>> = {
  db: 'could not find reverse tunnel, check that Database Service agent proxying this database is up and running',
  app: 'could not find reverse tunnel, check that Application Service agent proxying this application is up and running',
}

const HINT =
  'This usually means that the agent is offline or has disconnected. Check the\nagent logs and, if the issue persists, try restarting it or re-registering it\nwith the cluster.'

/** Teleport: lib/reversetunnel/localsite.go getTunnelErrorMessage [captured] */
export function failedToConnect(type: string, address: string, how: 'reverse tunnel' | 'direct dial', why: string): string {
  return `Teleport proxy failed to connect to "${type}" agent "${address}" over ${how}:\n\n  ${why}\n\n${HINT}\n`
}

/** Channels through one tunnel; one that fails to take any is used only when there is no other. */
export async function dialThrough(tunnel: Tunnel, request: DialRequest): Promise<Duplex> {
  try {
    return await dialTransport(tunnel.connection, request)
  } catch (thrown) {
    // The agent said no to this dial, or the connection is no good: only the latter counts against it.
    if (thrown instanceof PorticoError && thrown.cause !== undefined) tunnel.invalid = true
    throw thrown
  }
}

/** What a dial leads to within this cluster: a service here, an agent's tunnel, the auth service. wire/router-config.md 5.3, 5.4 */
export async function dialLocalSite(request: DialRequest, { registry, local, auth }: LocalSite): Promise<Dialled> {
  const { address, serverId, connectionType } = request
  if (address === REMOTE_AUTH) return { stream: auth(), byTunnel: false }
  const here = local(serverId, connectionType)
  if (here !== undefined) return { stream: here, byTunnel: false }
  const tunnel = registry.agent(serverId, connectionType)
  if (tunnel !== undefined) return { stream: await dialThrough(tunnel, { ...request, address: LOCAL_NODE }), byTunnel: true }
  const offline = OFFLINE[connectionType]
  if (TUNNEL_ONLY.has(connectionType) && offline !== undefined) throw unreachable(offline)
  throw unreachable(
    failedToConnect(
      connectionType,
      address,
      'reverse tunnel',
      `no tunnel connection found: no ${connectionType} reverse tunnel for ${serverId} found`,
    ),
  )
}
