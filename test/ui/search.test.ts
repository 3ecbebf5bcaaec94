import { describe, expect, it } from 'vitest'
import type { Tunnel } from '../../shared/state.ts'
import { entriesOf, sortByName, type Entry } from '../../renderer/pages/databases/entries.ts'
import { indexOf, matches, parseSearch } from '../../renderer/pages/databases/search.ts'
import { linesOf, step, typeAhead } from '../../renderer/pages/databases/sections.ts'
import { aDatabase, aFailedTunnel, anOpenTunnel, aStartingTunnel, manyDatabases } from './fixtures.ts'

const orders = aDatabase('orders', {
  labels: { env: 'prod', team: 'big shop' },
  description: 'Everything sold',
  agents: ['agent-7.internal'],
})
const cache = aDatabase('cache', { dbProtocol: 'redis', labels: { env: 'dev', 'teleport.dev/origin': 'config' } })
const events = aDatabase('events', { dbProtocol: 'mongodb', labels: { env: 'production' } })
const all = sortByName([orders, events, cache])

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
})

describe('lines of the list', () => {
  const entries = entriesOf(all, [anOpenTunnel(orders), aStartingTunnel(cache)])
  const names = (some: ReturnType<typeof linesOf>): string[] =>
    some.map(line => (line.kind === 'heading' ? `# ${line.title} ${line.count}` : line.entry.database.name))

  it('puts what runs first, and leaves what starts where it was', () => {
    expect(names(linesOf(entries))).toEqual(['# running 1', 'orders', '# databases 2', 'cache', 'events'])
  })

  it('keeps a row for a tunnel whose database is not listed', () => {
    const gone = anOpenTunnel(aDatabase('gone'))
    expect(names(linesOf(entriesOf(all, [gone])))).toEqual(['# running 1', 'gone', '# databases 3', 'cache', 'events', 'orders'])
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
