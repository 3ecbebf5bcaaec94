import { openApp, type App, type AppOptions } from '../app/open-app.ts'
import { serveControl } from './serve-control.ts'

export interface HostOptions extends AppOptions {
  /** Answers are held against the contract too. */
  readonly checkAnswers: boolean
}

/**
 * Makes this process the engine of its home.
 * @returns the app; its close() drains the tunnels and then frees the home for another engine
 * @throws PorticoError `engine/running` (facts: pid) when there is one already, `state/*`
 */
export async function hostEngine(options: HostOptions): Promise<App> {
  const { home, log, engine, checkAnswers } = options
  let opened = (_app: App): void => {}
  const opening = new Promise<App>(resolve => {
    opened = resolve
  })
  // The lock first: what the app does at its start (tunnels brought back) only one may do.
  const control = await serveControl({ home, log, ...engine, checkAnswers, app: opening })
  try {
    const app = await openApp(options)
    opened(app)
    let closed: Promise<void> | undefined
    return {
      ...app,
      close() {
        control.stopping()
        closed ??= app.close().finally(() => control.close())
        return closed
      },
    }
  } catch (thrown) {
    await control.close()
    throw thrown
  }
}
