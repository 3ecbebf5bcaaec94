import type { Failure } from '../../shared/errors.ts'
import type { Tunnel } from '../../shared/state.ts'
import { oneLine } from '../../shared/words.ts'
import { codeNeeded } from '../app/code-needed.ts'
import { errorObject } from './say.ts'
import { table } from './table.ts'

/** A tunnel as `--json` shows it. cli.md "The engine of a home" */
export function tunnelDocument(tunnel: Tunnel): Readonly<Record<string, unknown>> {
  const { id, kind, name, cluster, dbProtocol, mode, databaseUser, databaseName, state, since } = tunnel
  const at = 'port' in tunnel ? tunnel : undefined
  const failure = failureOf(tunnel)
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
    error: failure === undefined ? null : errorObject(failure),
  }
}

/** What keeps it from working; a code that it waits for is the nearest of its reasons. */
function failureOf(tunnel: Tunnel): Failure | undefined {
  if (tunnel.state === 'failed') return tunnel.failure
  if (!('code' in tunnel)) return undefined
  const { code, name, trouble } = tunnel
  if (code === null) return trouble ?? undefined
  return code.refused ?? codeNeeded(name, "enter it in Portico's window").toFailure()
}

/** The same for a person. */
export function tunnelTable(tunnels: readonly Tunnel[]): readonly string[] {
  return table(
    ['NAME', 'STATE', 'ADDRESS', 'CONNECTIONS', 'ID', 'TROUBLE'],
    tunnels.map(tunnel => {
      const at = 'port' in tunnel ? tunnel : undefined
      const failure = failureOf(tunnel)
      return [
        `${tunnel.kind}/${tunnel.name}`,
        tunnel.state,
        at === undefined ? '' : `localhost:${at.port}`,
        String(at?.connections ?? 0),
        tunnel.id,
        failure === undefined ? '' : oneLine(failure),
      ]
    }),
  )
}
