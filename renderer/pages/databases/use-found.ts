import { useMemo } from 'react'
import type { Database, Tunnel } from '../../../shared/state.ts'
import { entriesOf, isRunning, sortByName, type Entry } from './entries.ts'
import { indexOf, matches, parseSearch } from './search.ts'
import { linesOf, type Line } from './sections.ts'
import type { View } from './Sidebar.tsx'

interface Found {
  readonly entries: readonly Entry[]
  /** How many entries the view holds before the search, and after it. */
  readonly total: number
  readonly shown: number
  readonly running: number
  readonly lines: readonly Line[]
}

/** Databases and tunnels as lines of the list. The index is made once a list, not once a key. */
export function useFound(databases: readonly Database[], tunnels: readonly Tunnel[], view: View, search: string): Found {
  const sorted = useMemo(() => sortByName(databases), [databases])
  const index = useMemo(() => new Map(databases.map(database => [database.id, indexOf(database)])), [databases])
  const entries = useMemo(() => entriesOf(sorted, tunnels), [sorted, tunnels])
  return useMemo(() => {
    const terms = parseSearch(search)
    const inView = view === 'running' ? entries.filter(isRunning) : entries
    const found =
      terms.length === 0 ? inView : inView.filter(entry => matches(terms, index.get(entry.database.id) ?? indexOf(entry.database), entry))
    return {
      entries,
      total: inView.length,
      shown: found.length,
      running: view === 'running' ? inView.length : entries.filter(isRunning).length,
      lines: linesOf(found),
    }
  }, [entries, index, search, view])
}
