import type { EngineClient } from '../control/connect-engine.ts'
import { homeOf } from './open-context.ts'
import type { Run } from './run.ts'

/** How this command runs itself. */
export const ownCommand = ({ place }: Run) => ({
  exec: process.execPath,
  args: [place.entry],
  env: process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' },
})

/** Runs `use` with the engine of this home; undefined = none runs. @throws PorticoError `engine/gone` */
export async function withEngine<T>(run: Run, use: (engine: EngineClient | undefined) => Promise<T>): Promise<T> {
  const { connectEngine } = await import('../control/connect-engine.ts')
  return using(await connectEngine(homeOf(run)), use)
}

/** The same with an engine that is started when none runs. @throws PorticoError `engine/failed` besides */
export async function withStartedEngine<T>(run: Run, use: (engine: EngineClient) => Promise<T>): Promise<T> {
  const { startHeadless } = await import('../control/start-headless.ts')
  const { env, lifetime } = run
  return using(await startHeadless({ home: homeOf(run), portico: ownCommand(run), env, signal: lifetime.signal }), use)
}

async function using<E extends EngineClient | undefined, T>(engine: E, use: (engine: E) => Promise<T>): Promise<T> {
  try {
    return await use(engine)
  } finally {
    engine?.close()
  }
}
