import type { Tunnel } from '../shared/state.ts'

/** Bytes a second over the last minute, oldest first, one figure a second. `received`: from the database. */
export interface Rates {
  readonly received: readonly number[]
  readonly sent: readonly number[]
}

export interface Traffic {
  /** Takes the counters of this moment; call it about once a second. `nowMs` only grows. */
  sample(tunnels: readonly Tunnel[], nowMs: number): void
  /** The same object until the next sample changes it. */
  of(tunnel: string): Rates
  /** @returns its unsubscribe */
  subscribe(listener: () => void): () => void
}

const SECONDS = 60
const NOTHING: readonly number[] = Array.from({ length: SECONDS }, () => 0)
const QUIET: Rates = { received: NOTHING, sent: NOTHING }

interface Series {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly at: number
  readonly rates: Rates
}

/** Rates of the last minute from counters that only grow. A tunnel that is gone is forgotten. */
export function createTraffic(): Traffic {
  let all: ReadonlyMap<string, Series> = new Map()
  const listeners = new Set<() => void>()
  return {
    sample(tunnels, nowMs) {
      const next = new Map<string, Series>()
      for (const tunnel of tunnels) {
        if (tunnel.state === 'open') next.set(tunnel.id, follow(all.get(tunnel.id), tunnel.bytesIn, tunnel.bytesOut, nowMs))
      }
      all = next
      listeners.forEach(listener => listener())
    },
    of: tunnel => all.get(tunnel)?.rates ?? QUIET,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function follow(before: Series | undefined, bytesIn: number, bytesOut: number, at: number): Series {
  // Counters that went back belong to a tunnel that was started anew.
  if (before === undefined || bytesIn < before.bytesIn || bytesOut < before.bytesOut) return { bytesIn, bytesOut, at, rates: QUIET }
  const elapsed = at - before.at
  if (elapsed < 500) return before
  // A window in the background is sampled less often: what came meanwhile is spread over the seconds it took.
  const slots = Math.max(1, Math.round(elapsed / 1000))
  const { received, sent } = before.rates
  const rates = {
    received: push(received, ((bytesIn - before.bytesIn) * 1000) / elapsed, slots),
    sent: push(sent, ((bytesOut - before.bytesOut) * 1000) / elapsed, slots),
  }
  return { bytesIn, bytesOut, at, rates: rates.received === received && rates.sent === sent ? before.rates : rates }
}

function push(series: readonly number[], rate: number, slots: number): readonly number[] {
  if (series === NOTHING && rate === 0) return series
  const kept = series.slice(Math.min(slots, SECONDS))
  const next = [...kept, ...Array.from({ length: SECONDS - kept.length }, () => rate)]
  return next.every(one => one === 0) ? NOTHING : next
}
