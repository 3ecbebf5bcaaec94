import type { Answers } from '../../shared/contract.ts'
import type { AppState, Change } from '../../shared/state.ts'

/** What the desktop parts ask and hear: the same contract as the window's, so it does not matter which process holds the tunnels. */
export interface Core {
  readonly answers: Pick<Answers, 'state.read' | 'tunnel.start' | 'tunnel.stop'>
  onChange(listener: (change: Change) => void): () => void
}

export interface FollowedState {
  readonly state: AppState
  /** Calls after each change. @returns its unsubscribe */
  onChange(listener: () => void): () => void
  close(): void
}

/** Subscribes first and reads second, so that nothing in between is lost. */
export async function followState({ answers, onChange }: Core): Promise<FollowedState> {
  const listeners = new Set<() => void>()
  const early: Change[] = []
  let held: { revision: number; state: AppState } | undefined
  const stop = onChange(change => {
    if (held === undefined) return void early.push(change)
    take(change)
    for (const listener of [...listeners]) listener()
  })
  const take = ({ revision, slices }: Change): void => {
    if (held !== undefined && revision > held.revision) held = { revision, state: { ...held.state, ...slices } as AppState }
  }
  const first = await answers['state.read']({})
  held = first
  for (const change of early) take(change)
  return {
    get state() {
      return held?.state ?? first.state
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close() {
      stop()
      listeners.clear()
    },
  }
}

/** Tunnels that listen or will: while there are any, somebody may be working. */
export function runningTunnels({ tunnels }: Pick<AppState, 'tunnels'>): number {
  return tunnels.filter(({ state }) => state === 'open' || state === 'starting').length
}

export function liveConnections({ tunnels }: Pick<AppState, 'tunnels'>): number {
  return tunnels.reduce((sum, tunnel) => sum + ('connections' in tunnel ? tunnel.connections : 0), 0)
}

/** Connections that are held until somebody signs in. */
export function waitingConnections({ tunnels }: Pick<AppState, 'tunnels'>): number {
  return tunnels.reduce((sum, tunnel) => sum + ('waiting' in tunnel ? tunnel.waiting : 0), 0)
}

export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`
