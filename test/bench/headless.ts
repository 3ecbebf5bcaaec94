import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connectEngine, type EngineClient } from '../../electron/control/connect-engine.ts'
import type { AppState } from '../../shared/state.ts'
import { TUNNELS, type AppHome } from './app-home.ts'
import { median, type Report } from './figures.ts'
import { askOften, percentiles, underBusyLoops, underStreams } from './load.ts'
import { pssOf } from './memory.ts'

const STARTS = 5
/** What a start leaves behind is collected by then. */
const SETTLE_MS = 5_000

const isRestored = ({ tunnels }: AppState): boolean => tunnels.filter(({ state }) => state === 'open').length === TUNNELS

/** Resolves when all 50 listen. */
function restored(engine: EngineClient): Promise<void> {
  return new Promise((resolve, reject) => {
    let state: AppState | undefined
    const look = (): void => {
      if (state !== undefined && isRestored(state)) resolve()
    }
    engine
      .watch(({ slices }) => {
        if (state !== undefined) state = { ...state, ...(slices as Partial<AppState>) }
        look()
      })
      .then(now => {
        state = now.state
        look()
      })
      .catch(reject)
  })
}

async function withHeadless<T>({ home, env, command }: AppHome, use: (engine: EngineClient, startMs: number) => Promise<T>): Promise<T> {
  const { exec, args } = command(['engine', 'start', '--foreground', '--json'])
  const started = performance.now()
  const child = spawn(exec, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(child, 'exit')
  try {
    let engine: EngineClient | undefined
    while ((engine = await connectEngine(home)) === undefined) await new Promise(resolve => setTimeout(resolve, 5))
    await restored(engine)
    const startMs = performance.now() - started
    try {
      return await use(engine, startMs)
    } finally {
      engine.close()
    }
  } finally {
    child.kill()
    await ended
  }
}

/** The engine without a window. @returns its memory, MB */
export async function headlessEngine(appHome: AppHome, report: Report): Promise<number> {
  const starts: number[] = []
  for (let start = 0; start < STARTS; start++) starts.push(await withHeadless(appHome, async (_engine, startMs) => startMs))
  report(`engine, start until ${TUNNELS} tunnels listen`, median(starts) / 1000, 's', 1)
  return withHeadless(appHome, async engine => {
    await new Promise(resolve => setTimeout(resolve, SETTLE_MS))
    const pss = pssOf(engine.hello.pid)
    report(`engine, memory with ${TUNNELS} idle tunnels`, pss, 'MB', 120)
    const ask = (): Promise<unknown> => engine.ask('state.read', {})
    const quiet = percentiles(await askOften(ask))
    const busy = percentiles(await underBusyLoops(() => askOften(ask)))
    const streams = percentiles(await underStreams(appHome.ordersPort, () => askOften(ask)))
    report('control question p99, nothing else', quiet.p99, 'ms')
    report('control question p99, 8 busy loops', busy.p99, 'ms')
    report('control question p50, 8 streams', streams.p50, 'ms')
    report('control question p99, 8 streams', streams.p99, 'ms', 20)
    return pss
  })
}
