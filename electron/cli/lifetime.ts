/** How this process is ended from outside. cli.md: before ready 130 or 143, once ready 0 after draining. */
export interface Lifetime {
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal
  /**
   * From now on this command stays, and a signal is its normal end.
   * @param drainMs how long it may take then; default 5 s
   */
  ready(drainMs?: number): void
  /** SIGHUP reloads instead of ending. */
  onHangup(reload: () => void): void
  /** Ctrl-C is for the client that has the terminal, not for us. @returns its undo */
  leaveInterruptToClient(): () => void
  /** The exit code that a signal demands, or undefined when none came or it was the normal end. */
  readonly demanded: number | undefined
}

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
const DRAIN_MS = 5_000
/** What is not gone so long after draining is cut. */
const LAST_MS = 2_000
const BEFORE_READY_MS = 2_000

export function openLifetime(exit: (code: number) => void): Lifetime {
  const stop = new AbortController()
  let isReady = false
  let drainMs = DRAIN_MS
  let reload: (() => void) | undefined
  let clientHasInterrupt = false
  let demanded: number | undefined
  const end = (name: keyof typeof CODES): void => {
    if (name === 'SIGINT' && clientHasInterrupt) return
    if (name === 'SIGHUP' && reload !== undefined && !stop.signal.aborted) return reload()
    if (stop.signal.aborted) return exit(CODES[name])
    demanded = isReady ? undefined : CODES[name]
    setTimeout(() => exit(demanded ?? 0), isReady ? drainMs + LAST_MS : BEFORE_READY_MS).unref()
    stop.abort(new DOMException('ended by a signal', 'AbortError'))
  }
  for (const name of Object.keys(CODES) as (keyof typeof CODES)[]) process.on(name, () => end(name))
  return {
    signal: stop.signal,
    ready(drain = DRAIN_MS) {
      isReady = true
      drainMs = drain
    },
    onHangup(listener) {
      reload = listener
    },
    leaveInterruptToClient() {
      clientHasInterrupt = true
      return () => {
        clientHasInterrupt = false
      }
    },
    get demanded() {
      return demanded
    },
  }
}
