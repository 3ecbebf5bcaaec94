import type { AppState } from '../../../shared/state.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { hostEngine } from '../../control/host-engine.ts'
import { processGone } from '../../control/process-gone.ts'
import { openLog } from '../../log/open-log.ts'
import { ownCommand, withEngine, withStartedEngine } from '../engine-of-home.ts'
import { homeOf } from '../open-context.ts'
import type { Run } from '../run.ts'
import type { Say } from '../say.ts'

/** Tunnels drain for 5 s, then a lab of the engine ends. */
const DRAIN_MS = 9_000
const GONE_MS = 15_000

export function engineStart(run: Run, _args: readonly string[], { foreground = false }: { readonly foreground?: boolean }): Promise<void> {
  if (foreground) return stay(run)
  return withStartedEngine(run, async engine => tell(run.say, (await engine.ask('state.read', {})).state))
}

/** This process is the engine until a signal or `engine stop`. */
async function stay(run: Run): Promise<void> {
  const { say, lifetime, place, globals } = run
  const home = homeOf(run)
  const log = openLog({ folder: home.logs, stderr: globals.debug === true })
  // One connection's bug must not end everybody's tunnels.
  process.on('uncaughtException', thrown => log.error('engine.uncaught', {}, thrown))
  let stop = (): void => {}
  const ended = new Promise<void>(resolve => {
    stop = resolve
  })
  lifetime.signal.addEventListener('abort', () => stop(), { once: true })
  try {
    const app = await hostEngine({
      home,
      log,
      workerFile: place.workerFile,
      portico: ownCommand(run),
      engine: { host: 'headless', version: place.version },
      onStop: stop,
      checkAnswers: false,
    })
    log.info('engine.started', { version: place.version })
    tell(say, app.read().state)
    say.hint('Ctrl-C ends it; its tunnels come back with the next start.')
    lifetime.ready(DRAIN_MS)
    if (lifetime.signal.aborted) stop()
    await ended
    await app.close()
    log.info('engine.ended')
  } finally {
    log.close()
  }
}

export function engineStop(run: Run): Promise<void> {
  return withEngine(run, async engine => {
    if (engine !== undefined) {
      const { pid } = engine.hello
      // It may be gone before its answer is read.
      if (!engine.hello.stopping)
        await engine.ask('engine.stop', {}).catch((thrown: unknown) => {
          if (PorticoError.from(thrown).code !== 'engine/gone') throw thrown
        })
      if (!(await processGone(pid, GONE_MS))) throw new PorticoError('engine/running', { pid, why: 'it does not end' })
    }
    tell(run.say, undefined)
  })
}

export function engineStatus(run: Run): Promise<void> {
  return withEngine(run, async engine => tell(run.say, (await engine?.ask('state.read', {}))?.state))
}

function tell(say: Say, state: AppState | undefined): void {
  if (say.json) {
    const { engine, tunnels } = state ?? { engine: undefined, tunnels: [] }
    return say.value({
      running: engine !== undefined,
      pid: engine?.pid ?? null,
      host: engine?.host ?? null,
      tunnels: tunnels.length,
      since: engine === undefined ? null : new Date(engine.since).toISOString(),
      version: engine?.version ?? null,
    })
  }
  if (state === undefined) return say.text('No engine runs.')
  const { pid, host, version } = state.engine
  const count = state.tunnels.length
  say.text(
    `The engine runs ${host === 'app' ? 'in the app' : 'without a window'} (pid ${pid}, version ${version}): ${count} tunnel${count === 1 ? '' : 's'}.`,
  )
}
