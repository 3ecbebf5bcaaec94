import { PorticoError } from '../../../shared/errors.ts'
import type { DatabaseServer } from '../auth/auth.ts'
import type { Identity, RouteToDatabase } from '../../wire/identity.ts'
import type { DatabaseSite } from './dial-agent.ts'
import { BAD_CERTIFICATE, clusterNotFound, databaseNotFound, OTHER_ADDRESS, Refusal } from './refusal.ts'

const USAGE_DATABASE = 'usage:db'

export interface AuthorisedRoute {
  /** Where the database is: this cluster or a leaf. */
  readonly cluster: string
  readonly site: DatabaseSite
  readonly identity: Identity
  readonly route: RouteToDatabase
  /** Every agent that announces the database, in random order. */
  readonly servers: readonly DatabaseServer[]
}

/**
 * Who a client is and which database its certificate leads to. What the roles allow is the agent's decision.
 * Teleport: lib/srv/db/proxyserver.go Authorize; wire/database.md 3.1, 3.3
 * @throws Refusal
 */
export async function authorise(
  clusterName: string,
  siteOf: (cluster: string) => DatabaseSite | undefined,
  identity: Identity | undefined,
  clientIp: string,
): Promise<AuthorisedRoute> {
  if (identity === undefined) throw new Refusal(clusterNotFound(''))
  const { usage } = identity
  if (usage.length > 0 && !(usage.length === 1 && usage[0] === USAGE_DATABASE)) throw new Refusal(BAD_CERTIFICATE)
  if (identity.pinnedIp !== '' && identity.pinnedIp !== clientIp) throw new Refusal(OTHER_ADDRESS)
  const cluster = identity.routeToCluster === '' ? clusterName : identity.routeToCluster
  const site = siteOf(cluster)
  if (site === undefined) throw new Refusal(clusterNotFound(cluster))
  const route = identity.routeToDatabase
  const all = route === undefined ? [] : await listed(site, cluster)
  const servers = all.filter(server => server.name === route?.ServiceName)
  if (route === undefined || servers.length === 0) throw new Refusal(databaseNotFound(route?.ServiceName ?? '', cluster))
  return { identity, cluster, site, route, servers: shuffled(servers) }
}

/** A leaf that is away has nothing. */
async function listed(site: DatabaseSite, cluster: string): Promise<readonly DatabaseServer[]> {
  try {
    return await site.databaseServers()
  } catch (thrown) {
    if (thrown instanceof PorticoError && thrown.code === 'proxy/unreachable') throw new Refusal(clusterNotFound(cluster), thrown)
    throw thrown
  }
}

/** Spreads connections over equal agents. Fisher and Yates. */
function shuffled<T>(items: readonly T[]): T[] {
  const mixed = [...items]
  for (let last = mixed.length - 1; last > 0; last--) {
    const at = Math.floor(Math.random() * (last + 1))
    ;[mixed[last], mixed[at]] = [mixed[at]!, mixed[last]!]
  }
  return mixed
}
