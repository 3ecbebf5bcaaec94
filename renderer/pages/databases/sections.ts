import type { Database } from '../../../shared/state.ts'
import { shown, text } from '../../words.ts'
import { isRunning, shownLabels, type Entry } from './entries.ts'

/** What the grid draws, top to bottom. */
export type Line =
  | { readonly kind: 'heading'; readonly key: string; readonly title: string; readonly count: number }
  | { readonly kind: 'entry'; readonly key: string; readonly entry: Entry }

const HEIGHTS = { heading: 32, entry: 46 } as const
const byText = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

/** What runs comes first, then the rest: under `title`, or under each value of the label `groupBy`, those without it last. */
export function linesOf(entries: readonly Entry[], title: string, groupBy: string | null): readonly Line[] {
  const lines: Line[] = []
  const add = (key: string, heading: string, some: readonly Entry[]): void => {
    if (some.length === 0) return
    lines.push({ kind: 'heading', key, title: heading, count: some.length })
    for (const entry of some) lines.push({ kind: 'entry', key: entry.database.id, entry })
  }
  add('running', text.list.running, entries.filter(isRunning))
  const rest = entries.filter(entry => !isRunning(entry))
  if (groupBy === null) add('rest', title, rest)
  else
    for (const [value, some] of groupsOf(rest, groupBy))
      add(value === undefined ? 'without' : `group ${value}`, shown(text.list.groupOf(groupBy, value)), some)
  return lines
}

function groupsOf(entries: readonly Entry[], key: string): readonly (readonly [value: string | undefined, entries: readonly Entry[]])[] {
  const groups = new Map<string | undefined, Entry[]>()
  for (const entry of entries) {
    const value = Object.hasOwn(entry.database.labels, key) ? entry.database.labels[key] : undefined
    const group = groups.get(value)
    if (group === undefined) groups.set(value, [entry])
    else group.push(entry)
  }
  return [...groups].sort(([a], [b]) => (a === undefined ? 1 : b === undefined ? -1 : byText.compare(a, b)))
}

/** Keys that a list can be grouped by, those that most databases have first. */
export function labelKeys(databases: readonly Database[], limit = 12): readonly string[] {
  const counts = new Map<string, number>()
  for (const database of databases) for (const [key] of shownLabels(database)) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts]
    .sort((a, b) => b[1] - a[1] || byText.compare(a[0], b[0]))
    .slice(0, limit)
    .map(([key]) => key)
}

export function heightOf(line: Line): number {
  return HEIGHTS[line.kind]
}

/** The entry `by` steps from line `from`, past headings, stopping at the ends. @returns -1 when there is none */
export function step(lines: readonly Line[], from: number, by: number): number {
  const direction = by < 0 ? -1 : 1
  let [at, left, found] = [from, Math.abs(by), -1]
  while (left > 0) {
    at += direction
    const line = lines[at]
    if (line === undefined) break
    if (line.kind === 'entry') {
      found = at
      left -= 1
    }
  }
  return found
}

/** The next entry whose name starts with what was typed, from `from` on and around. @returns -1 when there is none */
export function typeAhead(lines: readonly Line[], from: number, typed: string): number {
  const wanted = typed.toLowerCase()
  for (let n = 0; n < lines.length; n += 1) {
    const at = (from + n + lines.length) % lines.length
    const line = lines[at]!
    if (line.kind === 'entry' && line.entry.database.name.toLowerCase().startsWith(wanted)) return at
  }
  return -1
}
