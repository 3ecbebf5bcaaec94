import type { DatabaseId } from '../../../shared/ids.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { Tunnel } from '../../../shared/state.ts'
import type { EngineClient } from '../../control/connect-engine.ts'
import { withEngine, withStartedEngine } from '../engine-of-home.ts'
import { withContext } from '../open-context.ts'
import { readPort } from '../port.ts'
import { readName, resourceNamed, type Named } from '../resource-name.ts'
import type { Run } from '../run.ts'
import { tunnelDocument, tunnelTable } from '../tunnel-document.ts'

interface StartOptions {
  readonly dbUser?: string
  readonly dbName?: string
  readonly port?: string
  readonly passthrough?: boolean
}
interface WhichOptions {
  readonly all?: boolean
}

/** `watch` looks this often for an engine while none runs, ms. */
const LOOK_MS = 1_000

export function tunnelsLs(run: Run): Promise<void> {
  return withEngine(run, async engine => tell(run, await tunnelsOf(engine)))
}

export async function tunnelsStart(run: Run, names: readonly string[], options: StartOptions): Promise<number> {
  const targets = await withContext(run, async context => names.map(name => resourceNamed(context, run, name)))
  const port = options.port === undefined ? {} : { port: readPort(options.port) }
  const wish = {
    ...(options.dbUser === undefined ? {} : { databaseUser: options.dbUser }),
    ...(options.dbName === undefined ? {} : { databaseName: options.dbName }),
    ...(options.passthrough === true ? { mode: 'passthrough' as const } : {}),
    ...port,
  }
  return withStartedEngine(run, async engine => {
    const results = await Promise.allSettled(targets.map(resource => engine.ask('tunnel.start', { resource, ...wish })))
    return tellOutcome(run, engine, targets, results)
  })
}

export function tunnelsStop(run: Run, names: readonly string[], options: WhichOptions): Promise<void> {
  return withEngine(run, async engine => {
    for (const { id } of await chosen(run, engine, names, options)) await engine?.ask('tunnel.stop', { tunnel: id })
    tell(run, await tunnelsOf(engine))
  })
}

export function tunnelsRestart(run: Run, names: readonly string[], options: WhichOptions): Promise<number> {
  return withEngine(run, async engine => {
    const tunnels = await chosen(run, engine, names, names.length === 0 ? { all: true } : options)
    if (engine === undefined) return tellAll(run, [])
    const results = await Promise.allSettled(tunnels.map(({ id }) => engine.ask('tunnel.restart', { tunnel: id })))
    return tellOutcome(
      run,
      engine,
      tunnels.map(({ resource }) => resource),
      results,
    )
  })
}

/** Stays; a line a change. Without an engine there are no tunnels, until one comes. */
export async function tunnelsWatch(run: Run): Promise<void> {
  const { signal } = run.lifetime
  const aborted = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
  run.lifetime.ready(0)
  let told = ''
  const tellNew = (tunnels: readonly Tunnel[]): void => {
    const line = JSON.stringify(tunnels.map(tunnelDocument))
    if (line === told) return
    told = line
    tell(run, tunnels)
  }
  while (!signal.aborted)
    await withEngine(run, async engine => {
      if (engine === undefined) {
        tellNew([])
        return Promise.race([aborted, new Promise<void>(resolve => setTimeout(resolve, LOOK_MS))])
      }
      const { state } = await engine.watch(({ slices }) => {
        if (slices.tunnels !== undefined) tellNew(slices.tunnels)
      })
      tellNew(state.tunnels)
      return Promise.race([aborted, engine.ended])
    })
}

const tunnelsOf = async (engine: EngineClient | undefined): Promise<readonly Tunnel[]> =>
  engine === undefined ? [] : (await engine.ask('state.read', {})).state.tunnels

function tell({ say }: Run, tunnels: readonly Tunnel[]): void {
  if (say.json) return say.value({ tunnels: tunnels.map(tunnelDocument) })
  if (tunnels.length === 0) return say.hint('No tunnels are open.')
  say.text(...tunnelTable(tunnels))
}

function tellAll(run: Run, tunnels: readonly Tunnel[]): number {
  tell(run, tunnels)
  return tunnels.some(({ state }) => state === 'failed') ? 1 : 0
}

/** What was asked for, as it is now. What never became a tunnel (an unknown name) is told as the failure of the command. */
async function tellOutcome(
  run: Run,
  engine: EngineClient,
  targets: readonly DatabaseId[],
  results: readonly PromiseSettledResult<Tunnel>[],
): Promise<number> {
  const now = await tunnelsOf(engine)
  const ours = now.filter(({ resource }) => targets.includes(resource))
  const failed = results.flatMap((result, at) =>
    result.status === 'rejected' && !ours.some(({ resource, state }) => resource === targets[at] && state === 'failed')
      ? [PorticoError.from(result.reason)]
      : [],
  )
  const code = ours.length > 0 || failed.length === 0 ? tellAll(run, ours) : 1
  if (failed[0] !== undefined) throw failed[0]
  return code
}

async function chosen(
  run: Run,
  engine: EngineClient | undefined,
  names: readonly string[],
  { all = false }: WhichOptions,
): Promise<readonly Tunnel[]> {
  if (all === names.length > 0) throw new PorticoError('usage/invalid', { why: 'name tunnels by id or KIND/NAME, or say --all' })
  const tunnels = await tunnelsOf(engine)
  if (all) return tunnels
  return names.map(name => {
    const found =
      tunnels.find(({ id }) => id === name) ??
      (name.includes('/') ? tunnels.find(tunnel => isNamed(tunnel, readName(name, run.globals.cluster))) : undefined)
    if (found === undefined) throw new PorticoError('tunnel/not-found', { tunnel: name })
    return found
  })
}

const isNamed = (tunnel: Tunnel, { kind, name, cluster }: Named): boolean =>
  tunnel.kind === kind && tunnel.name === name && (cluster === undefined || tunnel.cluster === cluster)
