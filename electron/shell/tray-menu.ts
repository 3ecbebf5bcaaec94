import { printable } from '../../shared/printable.ts'
import type { AppState, Tunnel } from '../../shared/state.ts'
import { readDatabaseId, type DatabaseId } from '../../shared/ids.ts'
import { counted, waitingConnections } from './follow-state.ts'

/** What a click on a line of the tray does. */
export type TrayAction =
  | { readonly do: 'open-window' }
  | { readonly do: 'copy'; readonly text: string }
  | { readonly do: 'start'; readonly resource: DatabaseId }
  | { readonly do: 'stop'; readonly tunnel: string }
  | { readonly do: 'quit' }

export type TrayLine =
  | { readonly separator: true }
  | { readonly heading: string }
  | { readonly label: string; readonly action?: TrayAction; readonly checked?: boolean }

/** A menu is no list: who has more opens the window. */
const MOST = 20
const LONGEST_NAME = 60

/** The tray's menu as it should look for this state. */
export function trayMenu(state: AppState): readonly TrayLine[] {
  const running = state.tunnels.filter(tunnel => tunnel.state !== 'stopping')
  const waiting = waitingConnections(state)
  return [
    ...signInLine(state, waiting),
    ...section('Running', running.map(tunnelLine)),
    ...section(
      'Favourites',
      state.favourites.flatMap(id => favouriteLine(state, id)),
    ),
    { label: 'Open Portico', action: { do: 'open-window' } },
    { label: 'Quit Portico', action: { do: 'quit' } },
  ]
}

/** For the pointer that rests on the icon. */
export function trayTip(state: AppState): string {
  const waiting = waitingConnections(state)
  if (waiting > 0) return `Portico: ${counted(waiting, 'connection')} waiting for your sign-in`
  const open = state.tunnels.filter(tunnel => tunnel.state === 'open').length
  return open === 0 ? 'Portico' : `Portico: ${counted(open, 'tunnel')} open`
}

function signInLine({ session }: AppState, waiting: number): readonly TrayLine[] {
  if (session.state !== 'ended' && waiting === 0) return []
  const label = waiting === 0 ? 'Your session ended: sign in…' : `Sign in: ${counted(waiting, 'connection')} waiting…`
  return [{ label, action: { do: 'open-window' } }, { separator: true }]
}

function section(heading: string, lines: readonly TrayLine[]): readonly TrayLine[] {
  if (lines.length === 0) return []
  const more: readonly TrayLine[] = lines.length > MOST ? [{ label: `${lines.length - MOST} more…`, action: { do: 'open-window' } }] : []
  return [{ heading }, ...lines.slice(0, MOST), ...more, { separator: true }]
}

function tunnelLine(tunnel: Tunnel): TrayLine {
  const name = shortName(tunnel.name)
  if (tunnel.state === 'starting') return { label: `${name}  connecting…` }
  if (tunnel.state === 'failed') return { label: `${name}  could not connect…`, action: { do: 'open-window' } }
  // The name that clients and certificates agree on.
  const address = `localhost:${tunnel.port}`
  return { label: `${name}  ${address}`, action: { do: 'copy', text: address } }
}

/** One of a cluster that is not on show is known by its id alone, which says enough to start it. */
function favouriteLine({ tunnels, databases }: AppState, id: DatabaseId): readonly TrayLine[] {
  const tunnel = tunnels.find(({ resource, state }) => resource === id && (state === 'open' || state === 'starting'))
  if (tunnel !== undefined) return [{ label: shortName(tunnel.name), checked: true, action: { do: 'stop', tunnel: tunnel.id } }]
  const name = databases.items.find(item => item.id === id)?.name ?? readDatabaseId(id)?.name
  return name === undefined ? [] : [{ label: shortName(name), checked: false, action: { do: 'start', resource: id } }]
}

/** Names are chosen by servers. */
function shortName(name: string): string {
  const shown = printable(name)
  return shown.length > LONGEST_NAME ? `${shown.slice(0, LONGEST_NAME - 1)}…` : shown
}
