import { existsSync } from 'node:fs'
import { PorticoError } from '../../shared/errors.ts'
import { isOfLab } from '../../shared/lab.ts'
import type { Lab } from '../../shared/state.ts'
import type { Context } from './context.ts'
import { logOut } from './log-out.ts'
import { readCaFile } from './look-at-proxy.ts'
import { startLab, type PorticoCommand, type RunningLab } from './start-lab.ts'

export interface LabNeeds {
  readonly context: Context
  readonly portico: PorticoCommand
  readonly signal: AbortSignal
  readonly show: (lab: Lab) => void
  /** @returns the proxy's name in the profiles */
  readonly signIn: (running: RunningLab, extraRoots: readonly string[]) => Promise<string>
  /** Profiles were removed. */
  readonly onLogout: () => void
}

export interface HostedLab {
  /**
   * Starts the lab unless it runs, and signs its first user in: also again after a sign-out.
   * @throws PorticoError `lab/failed`, `login/*`, `proxy/*`
   */
  start(): Promise<void>
  /** Brings back the lab that this home was left with: its profile is the current one. Failures are shown. */
  resume(): void
  /** Waits for a start under way; ends a lab of ours. */
  close(): Promise<void>
}

/** The lab of this home, as the window uses it: one start at a time, its state shown, its end noticed. */
export function hostLab({ context, portico, signal, show, signIn, onLogout }: LabNeeds): HostedLab {
  let lab: RunningLab | undefined
  let starting: Promise<void> | undefined

  const run = async (): Promise<RunningLab> => {
    show({ state: 'starting', step: 'Starting the lab' })
    const running = await startLab(context, portico, step => show({ state: 'starting', step }), signal)
    lab = running
    void running.ended.then(() => {
      if (lab !== running) return
      lab = undefined
      if (!signal.aborted) show({ state: 'failed', failure: { code: 'lab/failed', facts: { why: 'it ended on its own' } } })
    })
    return running
  }

  /** The same lab at an address that it left: nothing answers there any more. */
  const forgetFormer = async (proxy: string, roots: readonly string[]): Promise<void> => {
    const left = context.profiles.list().filter(other => other.proxy !== proxy && sameList(other.trust.extraRoots, roots))
    for (const other of left) await logOut(context, other.proxy)
    if (left.length > 0) onLogout()
  }

  const startAndSignIn = async (): Promise<void> => {
    const wasRunning = lab
    try {
      const running = wasRunning ?? (await run())
      show({ state: 'starting', step: `Signing in as ${running.user}` })
      const extraRoots = await readCaFile(running.caFile)
      await forgetFormer(await signIn(running, extraRoots), extraRoots)
      show({ state: 'running', proxy: running.proxy, pid: running.pid })
    } catch (thrown) {
      const error = PorticoError.from(thrown)
      const started = wasRunning === undefined ? lab : undefined
      if (wasRunning === undefined) lab = undefined
      await started?.close()
      if (signal.aborted) return
      context.log.warn('lab.failed', {}, error)
      show({ state: 'failed', failure: error.toFailure() })
      throw error
    }
  }

  const start = (): Promise<void> => {
    starting ??= startAndSignIn().finally(() => {
      starting = undefined
    })
    return starting
  }

  return {
    start,
    resume() {
      const current = context.profiles.current()
      // Without a lab of this home, the profile is of one that somebody runs elsewhere.
      if (current === undefined || !isOfLab(current) || !existsSync(context.home.lab)) return
      start().catch(() => {})
    },
    async close() {
      await starting?.catch(() => {})
      await lab?.close()
    },
  }
}

const sameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((item, at) => item === other[at])
