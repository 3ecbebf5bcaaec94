import { ALPN, KUBE_SNI_PREFIXES, PING_SUFFIX } from '../../../shared/protocols.ts'
import { decodeClusterSni } from '../../wire/cluster-name.ts'
import type { ClientHello } from '../../wire/client-hello.ts'
import type { HandlerName, RouteRow } from './route.ts'

/** Database protocols whose client opens TLS at once, inside ours. wire/alpn-sni.md 1.3, in the order of the server list. */
const TLS_DATABASES = [
  ALPN.mongodb,
  ALPN.oracle,
  ALPN.redis,
  ALPN.sqlserver,
  ALPN.snowflake,
  ALPN.cassandra,
  ALPN.elasticsearch,
  ALPN.opensearch,
  ALPN.dynamodb,
  ALPN.clickhouse,
  ALPN.spanner,
] as const

const pings = (names: readonly string[]): readonly string[] => names.map(name => name + PING_SUFFIX)
const both = (...names: readonly string[]): readonly string[] => [...names, ...pings(names)]

/**
 * The routing table, in the order in which Teleport registers its handlers: it matters only where one name matches two rows.
 * wire/alpn-sni.md 2.3. A name without a row, or whose row has no handler, is unknown.
 */
export const ROUTES: readonly RouteRow[] = [
  ...KUBE_SNI_PREFIXES.map(sniPrefix => ({ match: { sniPrefix }, tls: 'host-kube', handler: 'kube' }) as const),
  { match: { alpn: both(...TLS_DATABASES) }, tls: 'web+host', handler: 'database' },
  { match: { alpn: [ALPN.reverseTunnel, ALPN.reverseTunnelRfd] }, tls: 'web', handler: 'reverse-tunnel' },
  { match: { alpn: [ALPN.http11, ALPN.h2, ALPN.acme] }, tls: 'web', handler: 'web' },
  { match: { alpn: [ALPN.proxyGrpc] }, tls: 'web', handler: 'join' },
  { match: { alpn: [ALPN.proxyGrpcMtls] }, tls: 'host-mtls', handler: 'kube-grpc' },
  { match: { alpn: [ALPN.proxySsh] }, tls: 'host', handler: 'ssh' },
  { match: { alpn: [ALPN.proxySshGrpc] }, tls: 'host-h2', handler: 'ssh-grpc' },
  { match: { alpn: both(ALPN.tcp) }, tls: 'web', handler: 'tcp' },
  // A prefix: a server version may follow.
  { match: { alpnPrefix: ALPN.mysql }, tls: 'web', handler: 'mysql' },
  { match: { alpn: both(ALPN.postgres) }, tls: 'web', handler: 'postgres' },
  { match: { alpnPrefix: ALPN.auth }, tls: 'forward', handler: 'auth' },
]

const DATABASES: readonly string[] = [ALPN.postgres, ALPN.mysql, ...TLS_DATABASES]
const WEB: readonly string[] = [ALPN.http11, ALPN.h2]
const OTHERS: readonly string[] = [
  ALPN.proxySsh,
  ALPN.reverseTunnel,
  ALPN.reverseTunnelRfd,
  ALPN.auth,
  ALPN.tcp,
  ALPN.proxySshGrpc,
  ALPN.proxyGrpc,
  ALPN.proxyGrpcMtls,
]

/**
 * What the router negotiates with the web certificate, best first, whether a handler is there or not: Teleport's order.
 * wire/alpn-sni.md 2.2. `http/1.1` before `h2`: Chrome cannot open WebSockets over the latter.
 */
export const SERVER_ALPN: readonly string[] = [...pings([ALPN.tcp, ...DATABASES]), ...WEB, ...OTHERS, ...DATABASES]

/** The same while certificates come by ACME. */
export const SERVER_ALPN_ACME: readonly string[] = [...new Set([...WEB, ALPN.acme, ...SERVER_ALPN])]

export type RouteChoice =
  | {
      readonly state: 'route'
      readonly row: RouteRow
      /** Whose auth service; undefined on other rows. */
      readonly authCluster: string | undefined
    }
  | { readonly state: 'refused'; readonly why: string }

/**
 * The client's order chooses the handler (what is negotiated later does not): SNI rows first, then the first name offered that has a row
 * and a handler.
 * @param isServed which handlers there are
 */
export function chooseRoute(
  hello: ClientHello,
  isServed: (handler: HandlerName) => boolean,
  routes: readonly RouteRow[] = ROUTES,
): RouteChoice {
  const bySni = routes.find(({ match }) => 'sniPrefix' in match && hello.sni?.startsWith(match.sniPrefix))
  // kubectl must not find itself at the web API.
  if (bySni !== undefined) return isServed(bySni.handler) ? routeTo(bySni) : refused(`${bySni.handler} is off`)
  for (const name of hello.alpn.length === 0 ? [ALPN.http11] : hello.alpn) {
    const row = routes.find(({ match }) =>
      'alpn' in match ? match.alpn.includes(name) : 'alpnPrefix' in match && name.startsWith(match.alpnPrefix),
    )
    if (row === undefined || !isServed(row.handler)) continue
    if (row.handler !== 'auth') return routeTo(row)
    const cluster = authClusterOf(hello.alpn)
    return cluster === undefined ? refused('unknown auth cluster') : routeTo(row, cluster)
  }
  return refused('unknown ALPN')
}

const routeTo = (row: RouteRow, authCluster?: string): RouteChoice => ({ state: 'route', row, authCluster })
const refused = (why: string): RouteChoice => ({ state: 'refused', why })

/** Teleport's auth dialler reads only the first name, even if another one matched. wire/alpn-sni.md 5.1 */
function authClusterOf([first]: readonly string[]): string | undefined {
  if (first === undefined || !first.startsWith(ALPN.auth)) return undefined
  const named = decodeClusterSni(first.slice(ALPN.auth.length))
  return named.state === 'cluster' ? named.cluster : undefined
}
