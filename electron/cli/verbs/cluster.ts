import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { PING_SUFFIX } from '../../../shared/protocols.ts'
import { checkCluster, type ClusterPlan } from '../../cluster/check-cluster.ts'
import type { ClusterConfig, JoinConfig, OperationsConfig } from '../../cluster/config/cluster-config.ts'
import { loadConfig } from '../../cluster/config/load-config.ts'
import { SERVED } from '../../cluster/open-cluster.ts'
import type { RouteRow } from '../../cluster/router/route.ts'
import { ROUTES } from '../../cluster/router/routes.ts'
import { startCluster } from '../../cluster/start-cluster.ts'
import { startJoined } from '../../cluster/start-joined.ts'
import type { Log } from '../../log/log.ts'
import { openLog, type OpenLog } from '../../log/open-log.ts'
import { openRotatingFile } from '../../log/rotating-file.ts'
import type { Run } from '../run.ts'
import type { Say } from '../say.ts'
import { table } from '../table.ts'

interface Options {
  readonly config?: string
}

function load({ config }: Options, say: Say): ClusterConfig {
  if (config === undefined)
    throw new PorticoError('usage/invalid', { why: 'no configuration is named', next: 'name it with -c portico.yaml' })
  return tellingAll(say, () => loadConfig(config))
}

/** A configuration may be wrong in several places: the failure itself tells the first. */
function tellingAll<T>(say: Say, read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    const problems = thrown instanceof PorticoError ? thrown.facts['problems'] : undefined
    if (Array.isArray(problems) && problems.length > 1 && !say.json) for (const problem of problems) say.warn(String(problem))
    throw thrown
  }
}

/** A cluster, or an agent of one, in the foreground until a signal; SIGHUP reads certificates anew. */
export async function clusterStart(run: Run, _args: readonly string[], options: Options): Promise<void> {
  const { say, lifetime } = run
  const config = load(options, say)
  const { join, operations } = config
  const log = serverLog(operations, run)
  try {
    const running = join === undefined ? await cluster(run, config, log) : await agent(run, { ...config, join }, log)
    lifetime.ready(operations.drainMs)
    if (!lifetime.signal.aborted) await new Promise(resolve => lifetime.signal.addEventListener('abort', resolve, { once: true }))
    await running.close()
    if (say.json) say.value({ event: 'closed' })
  } finally {
    log.close()
  }
}

const shown = (address: Address | undefined): string | null => (address === undefined ? null : formatAddress(address))

async function cluster({ say, lifetime }: Run, config: ClusterConfig, log: Log): Promise<{ close(): Promise<void> }> {
  const running = await startCluster(config, { log, signal: lifetime.signal })
  lifetime.onHangup(() => running.reload())
  const { address, clusterName, caFile, ports, diag } = running
  const others = Object.fromEntries(Object.entries(ports).map(([port, bound]) => [port, formatAddress(bound)]))
  if (say.json) say.value({ event: 'ready', proxy: formatAddress(address), cluster: clusterName, caFile, ports: others, diag: shown(diag) })
  else {
    say.text(`The cluster ${clusterName} is ready at ${formatAddress(address)}.`, `Its web certificate is trusted with ${caFile}`)
    for (const [port, bound] of Object.entries(others)) say.text(`It also listens for ${port} at ${bound}.`)
  }
  return running
}

async function agent(
  { say, lifetime }: Run,
  config: ClusterConfig & { readonly join: JoinConfig },
  log: Log,
): Promise<{ close(): Promise<void> }> {
  const running = await startJoined(config, { log, signal: lifetime.signal })
  lifetime.onHangup(() => {})
  const databases = config.databases.map(({ name }) => name)
  const { clusterName, hostId, diag } = running
  if (say.json) say.value({ event: 'ready', cluster: clusterName, agent: hostId, databases, diag: shown(diag) })
  else say.text(`An agent of the cluster ${clusterName} is ready: ${databases.join(', ')}.`)
  return running
}

/** JSON lines on stderr or in a file of its own, as `teleport.log` says. */
function serverLog({ log: { severity, file } }: OperationsConfig, { globals }: Run): OpenLog {
  const level = globals.debug === true ? 'debug' : severity
  if (file === undefined) return openLog({ stderr: true, level })
  const lines = openRotatingFile(file)
  return openLog({ level, sink: line => lines.write(line) })
}

/** Validates a configuration; says what would listen and what would be announced. */
export async function clusterCheck({ say }: Run, _args: readonly string[], options: Options): Promise<void> {
  const config = load(options, say)
  const plan = tellingAll(say, () => checkCluster(config))
  if (say.json) return say.value(plan)
  sayPlan(say, plan)
  for (const hint of plan.hints) say.hint(`Note: ${hint}`)
}

function sayPlan(say: Say, { cluster, version, listen, announced, databases, joins, storage }: ClusterPlan): void {
  say.text(
    joins === null
      ? `Cluster ${cluster}, configuration ${version}, state in ${storage}.`
      : `An agent that joins through ${joins.addresses.join(', ')}.`,
    '',
    ...table(
      ['LISTENS FOR', 'ADDRESS'],
      listen.map(({ service, address }) => [service, address]),
    ),
  )
  if (announced !== null) {
    say.text(
      '',
      ...table(
        ['ANNOUNCED', 'VALUE'],
        Object.entries(announced).flatMap(([block, value]) =>
          typeof value === 'object'
            ? Object.entries(value as Readonly<Record<string, unknown>>).map(([key, text]) => [`${block}.${key}`, String(text)])
            : [[block, String(value)]],
        ),
      ),
    )
  }
  if (databases.length === 0) return
  say.text(
    '',
    ...table(
      ['DATABASE', 'PROTOCOL', 'URI'],
      databases.map(({ name, protocol, uri }) => [name, protocol, uri]),
    ),
  )
}

/** The routing table as data: the same for every configuration, which is checked when it is named. */
export async function clusterRoutes({ say }: Run, _args: readonly string[], options: Options): Promise<void> {
  if (options.config !== undefined) load(options, say)
  const routes = ROUTES.map(row => ({ ...row, served: SERVED.has(row.handler) }))
  if (say.json) return say.value({ routes })
  say.text(
    ...table(
      ['HANDLER', 'SERVED', 'TLS', 'MATCH'],
      routes.map(({ match, tls, handler, served }) => [handler, served ? 'yes' : 'no', tls, matchText(match)]),
    ),
  )
}

/** Names that are there with and without pings are shown once. */
function matchText(match: RouteRow['match']): string {
  if ('sniPrefix' in match) return `SNI ${match.sniPrefix}…`
  if ('alpnPrefix' in match) return `${match.alpnPrefix}…`
  const { alpn } = match
  return alpn
    .filter(name => !name.endsWith(PING_SUFFIX))
    .map(name => (alpn.includes(name + PING_SUFFIX) ? `${name}[${PING_SUFFIX}]` : name))
    .join(', ')
}
