import { createStore, type StoreApi } from 'zustand/vanilla'
import type { Bridge } from '../shared/contract.ts'
import type { Failure } from '../shared/errors.ts'
import type { AppState, Change } from '../shared/state.ts'

/** What the window knows of the engine's state. */
export type Projected =
  | { readonly phase: 'loading' }
  | { readonly phase: 'failed'; readonly failure: Failure }
  | { readonly phase: 'ready'; readonly revision: number; readonly state: AppState }

/** Read-only for pages; nothing outside this file writes it. */
export interface Projection {
  readonly store: Pick<StoreApi<Projected>, 'getState' | 'getInitialState' | 'subscribe'>
  /** Reads the whole state again, after the first read failed. */
  reload(): Promise<void>
  close(): void
}

/**
 * Subscribes first and reads second; what lands in between is queued. A change whose revision is not the next one
 * means that something was missed: the state is read again.
 */
export function openProjection(bridge: Bridge): Projection {
  const store = createStore<Projected>(() => ({ phase: 'loading' }))
  let early: Change[] = []
  let reading = false
  let closed = false

  const apply = (change: Change): void => {
    if (reading) {
      early.push(change)
      return
    }
    const now = store.getState()
    if (now.phase !== 'ready' || change.revision <= now.revision) return
    if (change.revision > now.revision + 1) {
      void read()
      return
    }
    store.setState({ phase: 'ready', revision: change.revision, state: { ...now.state, ...change.slices } as AppState }, true)
  }

  const read = async (): Promise<void> => {
    if (reading || closed) return
    reading = true
    const reply = await bridge.ask('state.read', {})
    const queued = early
    early = []
    reading = false
    if (closed) return
    if (!reply.ok) {
      // What is shown stays: an old picture with a working engine behind it is better than none.
      if (store.getState().phase !== 'ready') store.setState({ phase: 'failed', failure: reply.failure }, true)
      return
    }
    store.setState({ phase: 'ready', ...reply.value }, true)
    queued.sort((a, b) => a.revision - b.revision).forEach(apply)
  }

  const stop = bridge.onChange(apply)
  void read()
  return {
    store,
    reload: read,
    close: () => {
      closed = true
      stop()
    },
  }
}
