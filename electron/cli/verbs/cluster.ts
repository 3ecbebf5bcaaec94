import { formatAddress } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { ClusterConfig } from '../../cluster/config/cluster-config.ts'
import { loadConfig } from '../../cluster/config/load-config.ts'
import type { RouteRow } from '../../cluster/router/route.ts'
import { ROUTES } from '../../cluster/router/routes.ts'
import { startCluster } from '../../cluster/start-cluster.ts'
import { commandLog } from '../open-context.ts'
import type { Run } from '../run.ts'
import { table } from '../table.ts'

interface Options {
  readonly config?: string
}

const DRAIN_MS = 5_000

function load({ config }: Options): ClusterConfig {
  if (config === undefined)
    throw new PorticoError('usage/invalid', { why: 'no configuration is named', next: 'name it with -c portico.yaml' })
  return loadConfig(config)
}

/** A cluster in the foreground until a signal. */
export async function clusterStart(run: Run, _args: readonly string[], options: Options): Promise<void> {
  const { say, lifetime } = run
  const running = await startCluster(load(options), { log: await commandLog(run), signal: lifetime.signal })
  const { address, clusterName: cluster, caFile } = running
  if (say.json) say.value({ event: 'ready', proxy: formatAddress(address), cluster, caFile })
  else say.text(`The cluster ${cluster} is ready at ${formatAddress(address)}.`, `Its web certificate is trusted with ${caFile}`)
  lifetime.ready()
  if (!lifetime.signal.aborted) await new Promise(resolve => lifetime.signal.addEventListener('abort', resolve, { once: true }))
  await running.close(DRAIN_MS)
  if (say.json) say.value({ event: 'closed' })
}

/** Validates a configuration; says what would listen and what would be announced. */
export async function clusterCheck({ say }: Run, _args: readonly string[], options: Options): Promise<void> {
  const { clusterName, listen, publicNames, secondFactor, databases, roles, users } = load(options)
  const address = formatAddress(listen)
  if (say.json) {
    return say.value({
      cluster: clusterName,
      listen: address,
      publicNames,
      secondFactor,
      databases: databases.map(({ name, dbProtocol, uri }) => ({ name, protocol: dbProtocol, uri })),
      roles: roles.map(({ name }) => name),
      users: users.map(({ name }) => name),
    })
  }
  say.text(
    `Cluster ${clusterName} would listen on ${address} as ${publicNames.join(', ') || 'localhost'}.`,
    ...table(
      ['DATABASE', 'PROTOCOL', 'URI'],
      databases.map(({ name, dbProtocol, uri }) => [name, dbProtocol, uri]),
    ),
  )
}

/** The routing table as data: the same for every configuration, which is checked when it is named. */
export async function clusterRoutes({ say }: Run, _args: readonly string[], options: Options): Promise<void> {
  if (options.config !== undefined) load(options)
  if (say.json) return say.value({ routes: ROUTES })
  say.text(
    ...table(
      ['MATCH', 'TLS', 'HANDLER'],
      ROUTES.map(({ match, tls, handler }) => [matchText(match), tls, handler]),
    ),
  )
}

function matchText(match: RouteRow['match']): string {
  if ('alpn' in match) return match.alpn.join(', ')
  return 'alpnPrefix' in match ? `${match.alpnPrefix}…` : `SNI ${match.sniPrefix}…`
}
