import { EMPTY_STATE, type AppState, type Change } from '../../shared/state.ts'

/** Holds the AppState; the only way to change it. */
export interface StateBox {
  read(): { readonly revision: number; readonly state: AppState }
  /** Replaces whole slices, bumps the revision by one and tells every listener, without waiting for any. */
  change(slices: Partial<AppState>): void
  onChange(listener: (change: Change) => void): () => void
  readonly watched: boolean
}

export function openStateBox(initial: Partial<AppState> = {}): StateBox {
  let state: AppState = { ...EMPTY_STATE, ...initial }
  let revision = 1
  const listeners = new Set<(change: Change) => void>()
  return {
    read: () => ({ revision, state }),
    change(slices) {
      state = { ...state, ...slices }
      revision += 1
      const change: Change = { revision, slices }
      for (const listener of [...listeners]) listener(change)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    get watched() {
      return listeners.size > 0
    },
  }
}
