import type { Facts, Failure } from '../../shared/errors.ts'
import type { Credentials, EngineEvent, Listening, OpenConnections, TunnelPlan, Upstream } from './engine.ts'

export type PlanWithoutRoots = Omit<TunnelPlan, 'upstream'> & { readonly upstream: Omit<Upstream, 'roots'> }

/**
 * What the main thread and a data-plane thread say to each other. Plain values only; payload bytes never cross.
 * `call` and `question` number the two kinds of request, each with exactly one reply.
 */
export type ToThread =
  /** `roots` are some 200 kB and the same for all tunnels of a proxy: null when the thread has this list already. */
  | {
      readonly type: 'start'
      readonly call: number
      readonly plan: PlanWithoutRoots
      readonly list: number
      readonly roots: readonly string[] | null
    }
  | { readonly type: 'stop'; readonly call: number; readonly tunnel: string; readonly drainMs: number }
  | { readonly type: 'forget'; readonly call: number; readonly tunnel: string }
  | { readonly type: 'connections'; readonly call: number; readonly tunnel: string }
  | { readonly type: 'close-connection'; readonly call: number; readonly tunnel: string; readonly connection: number }
  | { readonly type: 'close'; readonly call: number; readonly drainMs: number }
  | { readonly type: 'answer'; readonly question: number; readonly credentials: Credentials }
  | { readonly type: 'no-answer'; readonly question: number; readonly failure: Failure }

export type FromThread =
  | { readonly type: 'done'; readonly call: number; readonly listening: Listening | null }
  | { readonly type: 'connections'; readonly call: number; readonly open: OpenConnections }
  | { readonly type: 'failed'; readonly call: number; readonly failure: Failure }
  | { readonly type: 'ask'; readonly question: number; readonly tunnel: string; readonly refused: string | null }
  | { readonly type: 'events'; readonly events: readonly EngineEvent[] }
  | { readonly type: 'log'; readonly level: 'error' | 'warn' | 'info' | 'debug'; readonly event: string; readonly facts: Facts }

/** How long open connections may go on after a stop, ms, unless the caller says otherwise. */
export const DRAIN_MS = 5_000
