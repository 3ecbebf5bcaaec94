import type { Tunnel } from '../../shared/state.ts'
import { oneLine } from '../../shared/words.ts'
import { errorObject } from './say.ts'
import { table } from './table.ts'

/** A tunnel as `--json` shows it. cli.md "The engine of a home" */
export function tunnelDocument(tunnel: Tunnel): Readonly<Record<string, unknown>> {
  const { id, kind, name, cluster, dbProtocol, mode, databaseUser, databaseName, state, since } = tunnel
  const at = 'port' in tunnel ? tunnel : undefined
  const failure = tunnel.state === 'failed' ? tunnel.failure : at?.trouble
  return {
    id,
    kind,
    name,
    cluster,
    protocol: dbProtocol,
    mode,
    databaseUser,
    databaseName,
    state,
    address: at === undefined ? null : { host: '127.0.0.1', port: at.port },
    addresses: at?.addresses ?? [],
    socket: at?.socket ?? null,
    url: at?.url ?? null,
    jdbc: at?.jdbc ?? null,
    command: at?.command ?? null,
    connections: at?.connections ?? 0,
    waiting: at?.waiting ?? 0,
    bytesIn: at?.bytesIn ?? 0,
    bytesOut: at?.bytesOut ?? 0,
    since: new Date(since).toISOString(),
    certificateUntil: typeof at?.certificateUntil === 'number' ? new Date(at.certificateUntil).toISOString() : null,
    error: failure === undefined || failure === null ? null : errorObject(failure),
  }
}

/** The same for a person. */
export function tunnelTable(tunnels: readonly Tunnel[]): readonly string[] {
  return table(
    ['NAME', 'STATE', 'ADDRESS', 'CONNECTIONS', 'ID', 'TROUBLE'],
    tunnels.map(tunnel => {
      const at = 'port' in tunnel ? tunnel : undefined
      const failure = tunnel.state === 'failed' ? tunnel.failure : at?.trouble
      return [
        `${tunnel.kind}/${tunnel.name}`,
        tunnel.state,
        at === undefined ? '' : `localhost:${at.port}`,
        String(at?.connections ?? 0),
        tunnel.id,
        failure === undefined || failure === null ? '' : oneLine(failure),
      ]
    }),
  )
}
