import { app } from 'electron'
import type { Log } from '../log/log.ts'

/** Draining takes at most 5 s; the lab gets the rest. After that we end whatever is left. */
const LONGEST_CLOSE_MS = 9_000

/**
 * Holds back the end of the process until everything of ours is closed: tunnels drained, the lab stopped.
 * Ctrl-C and SIGTERM are an ordinary quit.
 */
export function closeOnQuit(close: () => Promise<void>, log: Log): void {
  let closing = false
  app.on('will-quit', event => {
    event.preventDefault()
    if (closing) return
    closing = true
    const late = setTimeout(() => {
      log.error('app.close-too-slow', { afterMs: LONGEST_CLOSE_MS })
      app.exit(1)
    }, LONGEST_CLOSE_MS)
    close().then(
      () => {
        clearTimeout(late)
        app.exit(0)
      },
      (thrown: unknown) => {
        log.error('app.close-failed', {}, thrown)
        app.exit(1)
      },
    )
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.quit())
}
