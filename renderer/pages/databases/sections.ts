import { isRunning, type Entry } from './entries.ts'

/** What the grid draws, top to bottom. */
export type Line =
  | { readonly kind: 'heading'; readonly key: string; readonly title: 'running' | 'databases'; readonly count: number }
  | { readonly kind: 'entry'; readonly key: string; readonly entry: Entry }

const HEIGHTS = { heading: 32, entry: 46 } as const

export function linesOf(entries: readonly Entry[]): readonly Line[] {
  const lines: Line[] = []
  const add = (title: 'running' | 'databases', some: readonly Entry[]): void => {
    if (some.length === 0) return
    lines.push({ kind: 'heading', key: title, title, count: some.length })
    for (const entry of some) lines.push({ kind: 'entry', key: entry.database.id, entry })
  }
  add('running', entries.filter(isRunning))
  add(
    'databases',
    entries.filter(entry => !isRunning(entry)),
  )
  return lines
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
