import { ALPN, KUBE_SNI_PREFIXES, PING_SUFFIX } from '../../../shared/protocols.ts'
import { decodeClusterSni } from '../../wire/cluster-name.ts'
import type { ClientHello } from '../../wire/client-hello.ts'
import type { RouteRow } from './route.ts'

/**
 * The routing table, in the order in which Teleport registers its handlers: it matters only where one name matches two rows.
 * wire/alpn-sni.md 2.3. A further route is a further row; a name without a row is unknown, and its connection just closed.
 */
export const ROUTES: readonly RouteRow[] = [
  { match: { alpn: [ALPN.http11, ALPN.h2] }, tls: 'web', handler: 'web' },
  { match: { alpn: [ALPN.postgres, ALPN.postgres + PING_SUFFIX] }, tls: 'web', handler: 'postgres' },
  { match: { alpnPrefix: ALPN.auth }, tls: 'forward', handler: 'auth' },
]

/**
 * What the router negotiates where it ends TLS, best first: Teleport's order (wire/alpn-sni.md 2.2) less the names without a row.
 * `http/1.1` before `h2`: Chrome cannot open WebSockets over the latter.
 */
export const SERVER_ALPN: readonly string[] = [ALPN.postgres + PING_SUFFIX, ALPN.http11, ALPN.h2, ALPN.postgres]

export type RouteChoice = { readonly state: 'route'; readonly row: RouteRow } | { readonly state: 'refused'; readonly why: string }

/**
 * The client's order chooses the handler (what is negotiated later does not): SNI rows first, then the first name offered that has a row.
 * @param clusterName the cluster whose auth service stands behind the `auth` rows
 */
export function chooseRoute(hello: ClientHello, clusterName: string, routes: readonly RouteRow[] = ROUTES): RouteChoice {
  const row = findRow(hello, routes)
  if (row === 'kube is off') return { state: 'refused', why: row }
  if (row === undefined) return { state: 'refused', why: 'unknown ALPN' }
  if (row.handler === 'auth' && !isFirstFor(hello.alpn, clusterName)) return { state: 'refused', why: 'unknown auth cluster' }
  return { state: 'route', row }
}

function findRow({ sni = '', alpn }: ClientHello, routes: readonly RouteRow[]): RouteRow | 'kube is off' | undefined {
  const bySni = routes.find(({ match }) => 'sniPrefix' in match && sni.startsWith(match.sniPrefix))
  if (bySni !== undefined) return bySni
  // Without a row for them these names lead nowhere: kubectl must not find itself at the web API.
  if (KUBE_SNI_PREFIXES.some(prefix => sni.startsWith(prefix))) return 'kube is off'
  for (const name of alpn.length === 0 ? [ALPN.http11] : alpn) {
    const row = routes.find(({ match }) =>
      'alpn' in match ? match.alpn.includes(name) : 'alpnPrefix' in match && name.startsWith(match.alpnPrefix),
    )
    if (row !== undefined) return row
  }
  return undefined
}

/** Teleport's auth dialler reads only the first name, even if another one matched. wire/alpn-sni.md 5.1 */
function isFirstFor(alpn: readonly string[], clusterName: string): boolean {
  const first = alpn[0]
  if (first === undefined || !first.startsWith(ALPN.auth)) return false
  const named = decodeClusterSni(first.slice(ALPN.auth.length))
  return named.state === 'cluster' && named.cluster === clusterName
}
