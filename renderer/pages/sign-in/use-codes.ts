import { useCallback, useMemo, useState } from 'react'
import type { CodeWanted, Tunnel } from '../../../shared/state.ts'

export type WaitingTunnel = Extract<Tunnel, { state: 'open' }> & { readonly code: CodeWanted }

export interface Codes {
  /** The one that is asked for now: never more than one. */
  readonly asked: WaitingTunnel | undefined
  /** Those that somebody put off and that still wait. */
  readonly putOff: readonly WaitingTunnel[]
  readonly later: () => void
  readonly again: () => void
}

const waits = (tunnel: Tunnel): tunnel is WaitingTunnel => tunnel.state === 'open' && tunnel.code !== null

/** One-time codes that tunnels wait for, one after the other. */
export function useCodes(tunnels: readonly Tunnel[]): Codes {
  const [off, setOff] = useState<readonly string[]>([])
  const waiting = useMemo(() => tunnels.filter(waits), [tunnels])
  const asked = waiting.find(({ id }) => !off.includes(id))
  const later = useCallback(() => {
    // Forgets those that wait no more: their next question is a new one.
    if (asked !== undefined) setOff([...off.filter(id => waiting.some(one => one.id === id)), asked.id])
  }, [asked, off, waiting])
  const again = useCallback(() => setOff([]), [])
  return { asked, putOff: waiting.filter(({ id }) => off.includes(id)), later, again }
}
