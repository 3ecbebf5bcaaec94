import { useEffect, useState } from 'react'
import type { Answer } from '../../../../shared/contract.ts'
import { useAsk } from '../../../engine.ts'

type Connections = Answer<'tunnel.connections'>
const NONE: Connections = { total: 0, connections: [] }
const EVERY_MS = 1000

/** Connections of an open tunnel, anew each second while somebody looks; undefined asks nothing. */
export function useConnections(tunnel: string | undefined): Connections {
  const ask = useAsk()
  const [found, setFound] = useState<{ readonly of: string; readonly answer: Connections }>()
  useEffect(() => {
    if (tunnel === undefined) return
    let gone = false
    let asking = false
    const read = async (): Promise<void> => {
      if (asking || document.hidden) return
      asking = true
      // A failure leaves what is shown: the tunnel's own state says that it is gone.
      const answer = await ask('tunnel.connections', { tunnel })
      asking = false
      if (!gone && answer !== undefined) setFound({ of: tunnel, answer })
    }
    void read()
    const timer = setInterval(() => void read(), EVERY_MS)
    return () => {
      gone = true
      clearInterval(timer)
    }
  }, [ask, tunnel])
  return found !== undefined && found.of === tunnel ? found.answer : NONE
}
