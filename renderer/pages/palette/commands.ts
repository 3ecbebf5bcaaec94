import type { AppState } from '../../../shared/state.ts'
import type { Icon } from '../../parts/Icon.tsx'
import { protocolTile } from '../../protocol-words.ts'
import { shown, text } from '../../words.ts'
import { actionOf, addressOf, isListening, isRunning, type Entry } from '../databases/entries.ts'
import { parseSearch } from '../databases/search.ts'
import type { Entries } from '../databases/use-found.ts'
import type { Place } from '../places.ts'

/** What choosing a line of the palette does; the palette carries it out. */
export type Deed =
  | { readonly do: 'open'; readonly entry: Entry; readonly tool: string }
  | { readonly do: 'copy'; readonly entry: Entry }
  | { readonly do: 'act'; readonly entry: Entry }
  | { readonly do: 'details'; readonly entry: Entry }
  | { readonly do: 'favour'; readonly entry: Entry; readonly on: boolean }
  | { readonly do: 'go'; readonly place: Place }
  | { readonly do: 'refresh' | 'sign-in' | 'sign-out' | 'add' | 'export-log' }
  | { readonly do: 'use-profile'; readonly proxy: string }
  | { readonly do: 'use-cluster'; readonly cluster: string }
  | { readonly do: 'settings'; readonly change: Partial<AppState['settings']> }

export interface Command {
  readonly key: string
  /** A protocol's two letters, or an icon. */
  readonly tile: { readonly letters: string } | { readonly icon: Parameters<typeof Icon>[0]['name'] }
  readonly name: string
  readonly action: string
  readonly deed: Deed
}

export interface CommandGroup {
  readonly title: string
  readonly commands: readonly Command[]
}

const words = text.palette
/** Databases that one search shows; more words find the rest. */
const MOST = 20

/** Databases for a search: names that start with it, then names that hold it, then what matches elsewhere; without one, what runs and what is a favourite. */
export function databasesFor(entries: Entries, search: string): readonly Entry[] {
  if (search.trim() === '') return entries.all.filter(entry => isRunning(entry) || entry.favourite).slice(0, 8)
  const typed = search.trim().toLowerCase()
  const ranks: [Entry[], Entry[], Entry[]] = [[], [], []]
  for (const entry of entries.find(parseSearch(search), entries.all)) {
    const name = entry.database.name.toLowerCase()
    ranks[name.startsWith(typed) ? 0 : name.includes(typed) ? 1 : 2].push(entry)
  }
  const runningFirst = (a: Entry, b: Entry): number => Number(isRunning(b)) - Number(isRunning(a))
  return ranks.flatMap(rank => rank.toSorted(runningFirst)).slice(0, MOST)
}

/** The first database gets all that can be done with it; the others the one thing their button does. */
export function databaseCommands(
  found: readonly Entry[],
  tool: { readonly id: string; readonly title: string } | undefined,
): readonly Command[] {
  return found.flatMap((entry, at) => (at === 0 ? everything(entry, tool) : [primary(entry)]))
}

function command(entry: Entry, action: string, deed: Deed): Command {
  const { id, name, dbProtocol } = entry.database
  return { key: `${id} ${deed.do}`, tile: { letters: protocolTile(dbProtocol) }, name: shown(name), action, deed }
}

function primary(entry: Entry): Command {
  const action = actionOf(entry.status)
  // A connection is not ended by the first Enter: what runs is copied.
  if (isListening(entry)) return command(entry, words.copyAddress(addressOf(entry)), { do: 'copy', entry })
  return command(entry, text.action[action], action === 'closing' ? { do: 'details', entry } : { do: 'act', entry })
}

function everything(entry: Entry, tool: { readonly id: string; readonly title: string } | undefined): readonly Command[] {
  const action = actionOf(entry.status)
  const act = command(entry, text.action[action], { do: 'act', entry })
  const copy = command(entry, words.copyAddress(addressOf(entry)), { do: 'copy', entry })
  const open = tool === undefined ? [] : [command(entry, text.tools.open(tool.title), { do: 'open', entry, tool: tool.id })]
  const more = [
    command(entry, words.details, { do: 'details', entry }),
    command(entry, entry.favourite ? words.unfavour : words.favour, { do: 'favour', entry, on: !entry.favourite }),
  ]
  if (action === 'closing') return [copy, ...more]
  return isListening(entry) ? [...open, copy, act, ...more] : [act, ...open, copy, ...more]
}

interface Facts {
  readonly state: Pick<AppState, 'session' | 'profiles' | 'clusters' | 'settings'>
  readonly labelKeys: readonly string[]
}

/** What is not about one database, in the order of the groups. */
export function commonCommands({ state, labelKeys }: Facts): readonly CommandGroup[] {
  const { session, profiles, clusters, settings } = state
  const one = (tile: Parameters<typeof Icon>[0]['name'], name: string, deed: Deed, action = ''): Command => ({
    key: JSON.stringify(deed),
    tile: { icon: tile },
    name,
    action,
    deed,
  })
  const places: readonly Place[] = ['databases', 'running', 'favourites', 'log']
  const here = session.state === 'none' ? undefined : session.profile
  return [
    {
      title: words.actions,
      commands: [
        ...(session.state === 'ended' ? [one('go', words.signIn, { do: 'sign-in' })] : []),
        ...places.map(place => one(place, text.side[place], { do: 'go', place }, words.goTo)),
        one('search', words.look, { do: 'refresh' }),
        one('log', words.exportLog, { do: 'export-log' }),
      ],
    },
    {
      title: words.clusters,
      commands: [
        ...clusters
          .filter(cluster => !cluster.current && cluster.online)
          .map(cluster => one('cluster', shown(cluster.name), { do: 'use-cluster', cluster: cluster.name }, words.leaf)),
        ...profiles
          .filter(profile => profile.proxy !== here?.proxy)
          .map(profile => one('cluster', shown(profile.cluster), { do: 'use-profile', proxy: profile.proxy }, words.use)),
        one('plus', words.add, { do: 'add' }),
        ...(here === undefined ? [] : [one('close', words.signOut(shown(here.cluster)), { do: 'sign-out' })]),
      ],
    },
    {
      title: words.settings,
      commands: [
        one('settings', text.side.settings, { do: 'go', place: 'settings' }, words.goTo),
        ...(['system', 'light', 'dark'] as const)
          .filter(theme => theme !== settings.theme)
          .map(theme => one('theme', words.theme[theme], { do: 'settings', change: { theme } })),
        ...(settings.groupBy === null ? [] : [one('databases', words.ungroup, { do: 'settings', change: { groupBy: null } })]),
        ...labelKeys
          .filter(key => key !== settings.groupBy)
          .slice(0, 4)
          .map(key => one('databases', words.groupBy(shown(key)), { do: 'settings', change: { groupBy: key } })),
      ],
    },
  ]
}

/** Those whose words hold every word of the search. */
export function matching(groups: readonly CommandGroup[], search: string): readonly CommandGroup[] {
  const typed = search.toLowerCase().split(/\s+/).filter(Boolean)
  return groups
    .map(group => ({
      ...group,
      commands: group.commands.filter(one => {
        const said = `${group.title} ${one.name} ${one.action}`.toLowerCase()
        return typed.every(word => said.includes(word))
      }),
    }))
    .filter(group => group.commands.length > 0)
}
