import { createContext, useCallback, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import { useStore } from 'zustand'
import type { Answer, Ask, Bridge, Question } from '../shared/contract.ts'
import type { Failure } from '../shared/errors.ts'
import type { AppState } from '../shared/state.ts'
import type { Projected, Projection } from './projection.ts'
import type { Rates, Traffic } from './traffic.ts'

export interface Engine {
  readonly bridge: Bridge
  readonly projection: Projection
  readonly traffic: Traffic
}

export const EngineContext = createContext<Engine | null>(null)

function useEngine(): Engine {
  const engine = useContext(EngineContext)
  if (engine === null) throw new Error('no engine above this component')
  return engine
}

export function useProjected(): Projected {
  return useStore(useEngine().projection.store)
}

/** One slice of the state. Only below the place where the projection is known to be ready. */
export function useSlice<K extends keyof AppState>(name: K): AppState[K] {
  return useStore(useEngine().projection.store, projected => {
    if (projected.phase !== 'ready') throw new Error('the state is not read yet')
    return projected.state[name]
  })
}

export function useReload(): () => void {
  const { projection } = useEngine()
  return useCallback(() => void projection.reload(), [projection])
}

export type SendQuestion = <Q extends Question>(
  question: Q,
  ask: Ask<Q>,
  onFailure?: (failure: Failure) => void,
) => Promise<Answer<Q> | undefined>

/** Asks the engine; a failure goes to `onFailure`, and what the person cancelled to nobody. */
export function useAsk(): SendQuestion {
  const { bridge } = useEngine()
  return useCallback(
    async (question, ask, onFailure) => {
      const reply = await bridge.ask(question, ask)
      if (reply.ok) return reply.value
      if (reply.failure.code !== 'app/cancelled') onFailure?.(reply.failure)
      return undefined
    },
    [bridge],
  )
}

/** Reads the state of this moment, for what is decided after an answer came. */
export function useStateNow(): () => AppState | undefined {
  const { projection } = useEngine()
  return useCallback(() => {
    const now = projection.store.getState()
    return now.phase === 'ready' ? now.state : undefined
  }, [projection])
}

/** Bytes a second of one tunnel over the last minute, anew each second. */
export function useRates(tunnel: string): Rates {
  const { traffic } = useEngine()
  return useSyncExternalStore(traffic.subscribe, () => traffic.of(tunnel))
}

/** The time, again every `everyMs`. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}

/** Whether a media query holds, live. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches)
  useEffect(() => {
    const list = window.matchMedia(query)
    const update = (): void => setMatches(list.matches)
    update()
    list.addEventListener('change', update)
    return () => list.removeEventListener('change', update)
  }, [query])
  return matches
}
