import type { Database } from '../../../shared/state.ts'
import type { Status } from '../../parts/StateDot.tsx'
import { protocolTitle } from '../../protocol-words.ts'
import type { Entry } from './entries.ts'

/** A database with everything it can be found by, in lower case. */
export interface Indexed {
  readonly haystack: string
  readonly labels: ReadonlyMap<string, string>
  readonly protocol: string
}

export type Term =
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'filter'; readonly key: string; readonly value: string; readonly word: string }

export function indexOf(database: Database): Indexed {
  const labels = Object.entries(database.labels).map(([key, value]) => [key.toLowerCase(), value.toLowerCase()] as const)
  const protocol = `${database.dbProtocol}\n${protocolTitle(database.dbProtocol)}`.toLowerCase()
  const haystack = [database.name, database.description, protocol, ...labels.map(([key, value]) => `${key}=${value}`), ...database.agents]
    .join('\n')
    .toLowerCase()
  return { haystack, labels: new Map(labels), protocol }
}

/** Words and `key:value` filters; a value with spaces goes in quotes: `team:"big shop"`. */
export function parseSearch(text: string): readonly Term[] {
  const terms: Term[] = []
  for (const [whole, key, quoted, bare, words] of text.toLowerCase().matchAll(/([^\s:"]+):(?:"([^"]*)"?|(\S*))|"([^"]*)"?|\S+/g)) {
    if (key !== undefined) terms.push({ kind: 'filter', key, value: quoted ?? bare ?? '', word: whole })
    else terms.push({ kind: 'word', word: words ?? whole })
  }
  return terms
}

const among =
  (...statuses: readonly Status[]) =>
  (entry: Entry): boolean =>
    statuses.includes(entry.status)

const IS: readonly (readonly [name: string, is: (entry: Entry) => boolean])[] = [
  ['running', among('open', 'waiting', 'trouble', 'stopping')],
  ['connected', among('open', 'waiting', 'trouble')],
  ['starting', among('starting')],
  ['waiting', among('waiting')],
  ['failed', among('failed', 'trouble')],
  ['stopped', among('idle', 'failed')],
  ['favourite', entry => entry.favourite],
]

/** Whether every term is found. Values may be half typed. A filter on a label that a database lacks is looked for as plain text too: `host:5432`. */
export function matches(terms: readonly Term[], indexed: Indexed, entry: Entry): boolean {
  return terms.every(term => {
    if (term.kind === 'word') return indexed.haystack.includes(term.word)
    if (term.key === 'is') return term.value === '' || IS.some(([name, is]) => name.startsWith(term.value) && is(entry))
    if (term.key === 'proto' || term.key === 'protocol') return indexed.protocol.includes(term.value)
    const label = indexed.labels.get(term.key)
    return label === undefined ? indexed.haystack.includes(term.word) : label.startsWith(term.value)
  })
}
