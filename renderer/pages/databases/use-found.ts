import { useMemo } from 'react'
import type { DatabaseId } from '../../../shared/ids.ts'
import type { Database, Tunnel } from '../../../shared/state.ts'
import { text } from '../../words.ts'
import type { View } from '../places.ts'
import { entriesOf, idleEntries, isRunning, sortByName, type Entry } from './entries.ts'
import { indexOf, matches, parseSearch, type Indexed, type Term } from './search.ts'
import { linesOf, type Line } from './sections.ts'

/** Everything there is to list, and what it can be found by. */
export interface Entries {
  readonly all: readonly Entry[]
  readonly counts: Readonly<Record<View, number>>
  readonly find: (terms: readonly Term[], among: readonly Entry[]) => readonly Entry[]
}

/** Databases and tunnels joined. The index is made once a list, not once a key. */
export function useEntries(databases: readonly Database[], tunnels: readonly Tunnel[], favourites: readonly DatabaseId[]): Entries {
  const sorted = useMemo(() => sortByName(databases), [databases])
  const index = useMemo(() => new Map<DatabaseId, Indexed>(databases.map(database => [database.id, indexOf(database)])), [databases])
  const starred = useMemo(() => new Set(favourites), [favourites])
  const idle = useMemo(() => idleEntries(sorted, starred), [sorted, starred])
  return useMemo(() => {
    const all = entriesOf(idle, tunnels, starred)
    return {
      all,
      counts: {
        databases: databases.length,
        running: all.filter(isRunning).length,
        favourites: all.filter(entry => entry.favourite).length,
      },
      find: (terms, among) =>
        terms.length === 0 ? among : among.filter(entry => matches(terms, index.get(entry.database.id) ?? indexOf(entry.database), entry)),
    }
  }, [databases.length, idle, index, starred, tunnels])
}

interface Found {
  /** How many entries the view holds before the search, and after it. */
  readonly total: number
  readonly shown: number
  readonly lines: readonly Line[]
}

const IN_VIEW: Readonly<Record<View, (entry: Entry) => boolean>> = {
  databases: () => true,
  running: isRunning,
  favourites: entry => entry.favourite,
}

/** The lines of the list for a view and a search. */
export function useFound(entries: Entries, view: View, search: string, groupBy: string | null): Found {
  return useMemo(() => {
    const inView = view === 'databases' ? entries.all : entries.all.filter(IN_VIEW[view])
    const found = entries.find(parseSearch(search), inView)
    return {
      total: inView.length,
      shown: found.length,
      lines: linesOf(found, view === 'favourites' ? text.list.favourites : text.list.databases, groupBy),
    }
  }, [entries, groupBy, search, view])
}
