import { describe, expect, it } from 'vitest'
import type { DatabaseId } from '../../shared/ids.ts'
import type { Database, Tunnel } from '../../shared/state.ts'
import { entriesOf as joined, idleEntries, sortByName, type Entry } from '../../renderer/pages/databases/entries.ts'
import { indexOf, matches, parseSearch } from '../../renderer/pages/databases/search.ts'
import { labelKeys, linesOf as grouped, step, typeAhead } from '../../renderer/pages/databases/sections.ts'
import { aDatabase, aFailedTunnel, anOpenTunnel, aStartingTunnel, manyDatabases } from './fixtures.ts'

const orders = aDatabase('orders', {
  labels: { env: 'prod', team: 'big shop' },
  description: 'Everything sold',
  agents: ['agent-7.internal'],
})
const cache = aDatabase('cache', { dbProtocol: 'redis', labels: { env: 'dev', 'teleport.dev/origin': 'config' } })
const events = aDatabase('events', { dbProtocol: 'mongodb', labels: { env: 'production' } })
const all = sortByName([orders, events, cache])

const NONE: ReadonlySet<DatabaseId> = new Set()
const entriesOf = (databases: readonly Database[], tunnels: readonly Tunnel[], favourites = NONE): readonly Entry[] =>
  joined(idleEntries(databases, favourites), tunnels, favourites)
const linesOf = (entries: readonly Entry[], groupBy: string | null = null) => grouped(entries, 'Databases', groupBy)

function find(text: string, tunnels: readonly Tunnel[] = []): string[] {
  const terms = parseSearch(text)
  return entriesOf(all, tunnels)
    .filter(entry => matches(terms, indexOf(entry.database), entry))
    .map(entry => entry.database.name)
}

describe('search', () => {
  it.each([
    ['', ['cache', 'events', 'orders']],
    ['ORD', ['orders']],
    ['sold', ['orders']],
    ['agent-7', ['orders']],
    ['redis', ['cache']],
    ['postgresql', ['orders']],
    ['team=big', ['orders']],
    ['env prod', ['events', 'orders']],
    ['env:prod', ['events', 'orders']],
    ['env:prod orders', ['orders']],
    ['env:dev', ['cache']],
    ['env:rod', []],
    ['team:"big shop"', ['orders']],
    ['"big shop"', ['orders']],
    ['proto:postgres', ['orders']],
    ['protocol:mongo', ['events']],
    ['teleport.dev/origin:config', ['cache']],
    ['nothing like this', []],
    ['env:', ['cache', 'events', 'orders']],
    ['constructor:x', []],
    ['is:constructor', []],
    ['is:', ['cache', 'events', 'orders']],
    ['is:run', []],
    ['proto:', ['cache', 'events', 'orders']],
    ['team:', ['orders']],
    ['":', []],
  ])('finds for %j', (text, names) => {
    expect(find(text)).toEqual(names)
  })

  it('filters by what a tunnel is doing', () => {
    const tunnels = [
      anOpenTunnel(orders, { waiting: 1 }),
      aFailedTunnel(events, { code: 'proxy/timeout', facts: {} }),
      aStartingTunnel(cache),
    ]
    expect(find('is:running', tunnels)).toEqual(['orders'])
    expect(find('is:failed', tunnels)).toEqual(['events'])
    expect(find('is:starting', tunnels)).toEqual(['cache'])
    expect(find('is:waiting', tunnels)).toEqual(['orders'])
    expect(find('is:stopped', [])).toEqual(['cache', 'events', 'orders'])
  })

  it('goes through 10 000 databases well within one frame of a hundred', () => {
    const databases = sortByName(manyDatabases(10_000))
    const index = new Map(databases.map(database => [database.id, indexOf(database)]))
    const entries = entriesOf(databases, [])
    const started = performance.now()
    const terms = parseSearch('env:prod team shop db-09')
    const found = entries.filter(entry => matches(terms, index.get(entry.database.id)!, entry))
    const took = performance.now() - started
    expect(found.length).toBeGreaterThan(10)
    expect(took).toBeLessThan(160)
  })

  it('answers each key over 10 000 databases, to the lines of the list, within 30 ms', () => {
    const databases = sortByName(manyDatabases(10_000))
    const index = new Map(databases.map(database => [database.id, indexOf(database)]))
    const tunnels = databases.slice(0, 50).map(database => anOpenTunnel(database))
    const entries = entriesOf(databases, tunnels)
    const keys = ['e', 'en', 'env', 'env:', 'env:p', 'env:prod', 'env:prod p', 'env:prod proto:postgres', 'is:running', 'db-0998']
    const times = keys.map(typed => {
      const started = performance.now()
      const terms = parseSearch(typed)
      linesOf(
        entries.filter(entry => matches(terms, index.get(entry.database.id)!, entry)),
        'team',
      )
      return performance.now() - started
    })
    // The median: one pause of the collector is not the search.
    expect(times.toSorted((a, b) => a - b)[5]).toBeLessThan(30)
  })

  it('finds favourites', () => {
    const entries = entriesOf(all, [], new Set([cache.id]))
    const found = entries.filter(entry => matches(parseSearch('is:fav'), indexOf(entry.database), entry))
    expect(found.map(entry => entry.database.name)).toEqual(['cache'])
  })
})

describe('lines of the list', () => {
  const entries = entriesOf(all, [anOpenTunnel(orders), aStartingTunnel(cache)])
  const names = (some: ReturnType<typeof linesOf>): string[] =>
    some.map(line => (line.kind === 'heading' ? `# ${line.title} ${line.count}` : line.entry.database.name))

  it('puts what runs first, and leaves what starts where it was', () => {
    expect(names(linesOf(entries))).toEqual(['# Running 1', 'orders', '# Databases 2', 'cache', 'events'])
  })

  it('keeps a row for a tunnel whose database is not listed', () => {
    const gone = anOpenTunnel(aDatabase('gone'))
    expect(names(linesOf(entriesOf(all, [gone])))).toEqual(['# Running 1', 'gone', '# Databases 3', 'cache', 'events', 'orders'])
  })

  it('groups what does not run by the values of a label, those without it last', () => {
    expect(names(linesOf(entriesOf(all, []), 'team'))).toEqual(['# big shop 1', 'orders', '# No team 2', 'cache', 'events'])
    expect(names(linesOf(entries, 'env'))).toEqual(['# Running 1', 'orders', '# dev 1', 'cache', '# production 1', 'events'])
    expect(names(linesOf(entriesOf([cache], []), 'constructor'))).toEqual(['# No constructor 1', 'cache'])
  })

  it('offers label keys to group by, the commonest first, without those made for machines', () => {
    expect(labelKeys(all)).toEqual(['env', 'team'])
  })

  it('keeps rows of what does not run the same objects when counters of others move', () => {
    const idle = idleEntries(all, NONE)
    const [before, after] = [1, 2].map(bytesIn => joined(idle, [anOpenTunnel(orders, { bytesIn })], NONE))
    expect(before!.find(entry => entry.database === cache)).toBe(after!.find(entry => entry.database === cache))
  })

  it('steps over headings and stops at the ends', () => {
    const lines = linesOf(entries)
    expect(step(lines, 1, 1)).toBe(3)
    expect(step(lines, 3, -1)).toBe(1)
    expect(step(lines, 1, -1)).toBe(-1)
    expect(step(lines, 3, 10)).toBe(4)
    expect(step(lines, -1, 1)).toBe(1)
    expect(step([], 0, 1)).toBe(-1)
  })

  it('finds a typed name from the active row on and around', () => {
    const lines: readonly ReturnType<typeof linesOf>[number][] = linesOf(entries)
    const at = (index: number): Entry | undefined => (lines[index]?.kind === 'entry' ? (lines[index] as { entry: Entry }).entry : undefined)
    expect(at(typeAhead(lines, 4, 'or'))?.database.name).toBe('orders')
    expect(at(typeAhead(lines, 1, 'E'))?.database.name).toBe('events')
    expect(typeAhead(lines, 1, 'x')).toBe(-1)
  })
})
