import { randomUUID } from 'node:crypto'
import { databaseAlpn } from '../../shared/protocols.ts'
import type { Tunnel } from '../../shared/state.ts'
import type { Listening } from '../engine/engine.ts'
import { addressesOf } from './addresses.ts'
import type { OpenTunnel, TunnelRequest } from './tunnels.ts'

/** A tunnel that was just asked for. @param now ms since 1970 */
export function startingTunnel({ database, route, mode = 'authenticated' }: TunnelRequest, now: number): Tunnel {
  const { id: resource, name, cluster, dbProtocol } = database
  const { databaseUser, databaseName } = route
  return {
    id: randomUUID(),
    resource,
    kind: 'db',
    name,
    cluster,
    dbProtocol,
    mode,
    databaseUser,
    databaseName,
    alpn: [...(databaseAlpn(dbProtocol, mode === 'passthrough' ? Buffer.from(database.serverVersion ?? '').toString('base64') : '') ?? [])],
    since: now,
    state: 'starting',
  }
}

/** The same once it listens. @param program the client that its command names */
export function listeningTunnel(
  tunnel: Tunnel,
  listening: Listening,
  { route, files }: TunnelRequest,
  program: string | undefined,
): OpenTunnel {
  const { id, resource, kind, name, cluster, dbProtocol, mode, databaseUser, databaseName, alpn, since } = tunnel
  const { url, jdbc, command } = addressesOf(
    {
      dbProtocol,
      address: { host: 'localhost', port: listening.port },
      databaseUser: route.databaseUser,
      databaseName: route.databaseName,
      tls: files,
    },
    program,
  )
  return {
    id,
    resource,
    kind,
    name,
    cluster,
    dbProtocol,
    mode,
    databaseUser,
    databaseName,
    alpn,
    since,
    state: 'open',
    port: listening.port,
    addresses: [...listening.addresses],
    socket: listening.socket,
    url,
    jdbc,
    command,
    connections: 0,
    waiting: 0,
    bytesIn: 0,
    bytesOut: 0,
    certificateUntil: null,
    trouble: null,
  }
}
