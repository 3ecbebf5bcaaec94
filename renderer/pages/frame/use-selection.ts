import { useCallback, useMemo, useRef, useState, type RefObject } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import type { DatabaseId } from '../../../shared/ids.ts'
import type { Entry } from '../databases/entries.ts'
import type { Tunnels } from '../databases/use-tunnels.ts'

/** Which database the window is about, and what was asked of it. */
export interface Selection {
  readonly chosen: DatabaseId | undefined
  /** The details lie over the list, where there is no room beside it. */
  readonly overlay: boolean
  /** Connect was asked for, but a user or database must be chosen first. */
  readonly missing: DatabaseId | undefined
  readonly titleRef: RefObject<HTMLHeadingElement | null>
  readonly choose: (id: DatabaseId) => void
  readonly setOverlay: (on: boolean) => void
  readonly showDetails: (entry: Entry) => void
  readonly act: (entry: Entry) => void
  readonly open: (entry: Entry, tool?: string) => void
  readonly onTrouble: (failure: Failure | null) => void
}

export function useSelection({ act: doAct, open: doOpen }: Tunnels, onTrouble: (failure: Failure | null) => void): Selection {
  const [chosen, setChosen] = useState<DatabaseId>()
  const [overlay, setOverlay] = useState(false)
  const [missing, setMissing] = useState<DatabaseId>()
  const titleRef = useRef<HTMLHeadingElement>(null)

  const choose = useCallback((id: DatabaseId): void => {
    setChosen(id)
    // What was missing for one database is no news for the next.
    setMissing(now => (now === id ? now : undefined))
  }, [])
  const showDetails = useCallback((entry: Entry): void => {
    setChosen(entry.database.id)
    setOverlay(true)
    // After the panel is there.
    setTimeout(() => titleRef.current?.focus(), 0)
  }, [])
  const begin = useCallback(
    (entry: Entry, done: boolean): void => {
      setChosen(entry.database.id)
      onTrouble(null)
      setMissing(done ? undefined : entry.database.id)
      if (!done) showDetails(entry)
    },
    [onTrouble, showDetails],
  )
  const act = useCallback((entry: Entry): void => begin(entry, doAct(entry)), [begin, doAct])
  const open = useCallback((entry: Entry, tool?: string): void => begin(entry, doOpen(entry, tool)), [begin, doOpen])

  return useMemo(
    () => ({ chosen, overlay, missing, titleRef, choose, setOverlay, showDetails, act, open, onTrouble }),
    [act, choose, chosen, missing, onTrouble, open, overlay, showDetails],
  )
}
