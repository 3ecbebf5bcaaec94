import { useEffect, useState } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import type { LogEntry } from '../../../shared/state.ts'
import { useAsk } from '../../engine.ts'

export type Level = LogEntry['level']

interface Log {
  readonly entries: readonly LogEntry[] | undefined
  readonly failure: Failure | null
}

const LIMIT = 2000
const EVERY_MS = 1000

/** The newest lines, anew each second while somebody follows. */
export function useLog(level: Level, follow: boolean): Log {
  const ask = useAsk()
  const [log, setLog] = useState<Log>({ entries: undefined, failure: null })
  useEffect(() => {
    let gone = false
    let asking = false
    const read = async (): Promise<void> => {
      if (asking || document.hidden) return
      asking = true
      const answer = await ask('log.read', { limit: LIMIT, level }, failure => {
        if (!gone) setLog(now => ({ ...now, failure }))
      })
      asking = false
      if (answer !== undefined && !gone) setLog({ entries: answer.entries, failure: null })
    }
    void read()
    if (!follow) return () => void (gone = true)
    const timer = setInterval(() => void read(), EVERY_MS)
    return () => {
      gone = true
      clearInterval(timer)
    }
  }, [ask, follow, level])
  return log
}
