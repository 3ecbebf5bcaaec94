import type { AppState } from '../../shared/state.ts'
import { counted, runningTunnels } from './follow-state.ts'

/** What keeps the app alive without a window. */
export type StayReason = 'tray' | 'tunnels'

/** @returns undefined = nothing keeps us */
export function reasonToStay(state: Pick<AppState, 'tunnels' | 'engine'>, tray: boolean): StayReason | undefined {
  if (tray) return 'tray'
  // Tunnels of another process go on without us.
  return state.engine.host === 'app' && runningTunnels(state) > 0 ? 'tunnels' : undefined
}

export function wordsForStaying(reason: StayReason, state: Pick<AppState, 'tunnels'>): { readonly title: string; readonly body: string } {
  const body =
    reason === 'tray'
      ? 'Your tunnels stay open. Its icon in the tray opens the window again, and quits.'
      : `${counted(runningTunnels(state), 'tunnel')} stay${runningTunnels(state) === 1 ? 's' : ''} open. This desktop shows no tray icons: start Portico again to see its window, and disconnect everything before you close it to end Portico.`
  return { title: 'Portico keeps running', body }
}
