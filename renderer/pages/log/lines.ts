import type { LogEntry } from '../../../shared/state.ts'
import { clockWithMs } from '../../figures.ts'
import { shown } from '../../words.ts'

/** A line as it is drawn and searched. */
export interface LogLine {
  readonly key: string
  readonly at: string
  readonly level: LogEntry['level']
  readonly event: string
  readonly facts: readonly (readonly [name: string, value: string])[]
}

export function lineOf(entry: LogEntry, key: string): LogLine {
  const facts = Object.entries(entry.facts).map(([name, value]) => [shown(name), shown(wordOf(value))] as const)
  return { key, at: clockWithMs(entry.at), level: entry.level, event: shown(entry.event), facts }
}

const wordOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

/** Lines that hold every word, in their order. Lines that stay keep their key while older ones fall off. */
export function matchingLines(entries: readonly LogEntry[], search: string): readonly LogLine[] {
  const typed = search.toLowerCase().split(/\s+/).filter(Boolean)
  const seen = new Map<number, number>()
  const lines: LogLine[] = []
  for (const entry of entries) {
    const nth = (seen.get(entry.at) ?? 0) + 1
    seen.set(entry.at, nth)
    const line = lineOf(entry, `${entry.at} ${nth}`)
    if (typed.length === 0 || holds(line, typed)) lines.push(line)
  }
  return lines
}

function holds({ level, event, facts }: LogLine, typed: readonly string[]): boolean {
  const said = `${level} ${event} ${facts.map(([name, value]) => `${name}=${value}`).join(' ')}`.toLowerCase()
  return typed.every(word => said.includes(word))
}
