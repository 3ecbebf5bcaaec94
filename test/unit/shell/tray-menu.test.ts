import { expect, test } from 'vitest'
import { reasonToStay, wordsForStaying } from '../../../electron/shell/stay-reason.ts'
import { trayMenu, trayTip, type TrayLine } from '../../../electron/shell/tray-menu.ts'
import { databaseId } from '../../../shared/ids.ts'
import { EMPTY_STATE, type AppState, type Database, type Profile, type Tunnel } from '../../../shared/state.ts'

const common = (name: string) => ({
  id: `t-${name}`,
  resource: databaseId('lab', name),
  kind: 'db' as const,
  name,
  cluster: 'lab',
  dbProtocol: 'postgres',
  mode: 'authenticated' as const,
  databaseUser: 'alice',
  databaseName: 'shop',
  alpn: [],
  since: 1,
})
function open(name: string, port: number, waiting = 0): Tunnel {
  const counts = { connections: waiting, waiting, bytesIn: 0, bytesOut: 0, certificateUntil: null, trouble: null }
  return {
    ...common(name),
    state: 'open',
    port,
    addresses: [`127.0.0.1:${port}`],
    socket: null,
    url: null,
    jdbc: null,
    command: '',
    ...counts,
  }
}
const failed = (name: string): Tunnel => ({ ...common(name), state: 'failed', failure: { code: 'tunnel/port-in-use', facts: {} } })
const database = (name: string): Database => ({ id: databaseId('lab', name), name }) as Database
const state = (change: Partial<AppState>): AppState => ({ ...EMPTY_STATE, ...change })
const words = (lines: readonly TrayLine[]): string[] =>
  lines.map(line =>
    'separator' in line
      ? '-'
      : 'heading' in line
        ? `# ${line.heading}`
        : `${line.checked === undefined ? '' : line.checked ? '[x] ' : '[ ] '}${line.label}`,
  )
const ENDS = ['Open Portico', 'Quit Portico']

test('without anything the tray opens the window and quits', () => {
  expect(words(trayMenu(EMPTY_STATE))).toEqual(ENDS)
  expect(trayTip(EMPTY_STATE)).toBe('Portico')
})

test('running tunnels come with their address, which a click copies; a failed one leads to the window', () => {
  const tunnels: Tunnel[] = [open('orders', 20_017), { ...common('metrics'), state: 'starting' }, failed('archive')]
  const menu = trayMenu(state({ tunnels }))
  expect(words(menu)).toEqual(['# Running', 'orders  localhost:20017', 'metrics  connecting…', 'archive  could not connect…', '-', ...ENDS])
  expect(menu[1]).toMatchObject({ action: { do: 'copy', text: 'localhost:20017' } })
  expect(menu[2]).not.toHaveProperty('action')
  expect(menu[3]).toMatchObject({ action: { do: 'open-window' } })
  expect(trayTip(state({ tunnels }))).toBe('Portico: 1 tunnel open')
})

test('favourites are toggled, also those of a cluster that is not on show', () => {
  const favourites = [
    ...['orders', 'metrics'].map(name => databaseId('lab', name)),
    databaseId('other', 'a/b', 'leaf'),
    databaseId('lab', 'archive'),
  ]
  const databases = { state: 'ready' as const, items: ['orders', 'metrics', 'archive'].map(database), failure: null }
  const menu = trayMenu(state({ favourites, databases, tunnels: [open('orders', 20_017), failed('archive')] }))
  const lines = words(menu)
  expect(lines.slice(lines.indexOf('# Favourites'))).toEqual([
    '# Favourites',
    '[x] orders',
    '[ ] metrics',
    '[ ] a/b',
    '[ ] archive',
    '-',
    ...ENDS,
  ])
  const actions = menu.flatMap(line => ('checked' in line ? [line.action] : []))
  expect(actions).toEqual([
    { do: 'stop', tunnel: 't-orders' },
    { do: 'start', resource: databaseId('lab', 'metrics') },
    { do: 'start', resource: databaseId('other', 'a/b', 'leaf') },
    { do: 'start', resource: databaseId('lab', 'archive') },
  ])
})

test('a sign-in that is waited for stands first', () => {
  const ended = { state: 'ended' as const, profile: {} as Profile, endedAt: 1, waiting: 0, tunnels: 0 }
  expect(words(trayMenu(state({ session: ended })))[0]).toBe('Your session ended: sign in…')
  const waiting = state({ session: ended, tunnels: [open('orders', 1, 2), open('metrics', 2, 1)] })
  expect(trayMenu(waiting)[0]).toEqual({ label: 'Sign in: 3 connections waiting…', action: { do: 'open-window' } })
  expect(trayTip(waiting)).toBe('Portico: 3 connections waiting for your sign-in')
})

test('many tunnels and long or hostile names stay a menu', () => {
  const tunnels = [open(`evil\u202e\n${'x'.repeat(200)}`, 1), ...Array.from({ length: 30 }, (_, n) => open(`db${n}`, n + 2))]
  const lines = words(trayMenu(state({ tunnels })))
  expect(lines[1]).toMatch(/^evil\\u202e\\x0ax+… {2}localhost:1$/)
  expect(lines[1]!.length).toBeLessThan(80)
  expect(lines.slice(20)).toEqual(['db18  localhost:20', '11 more…', '-', ...ENDS])
})

test('the app stays for its tray, or for tunnels of its own; tunnels of another process go on without it', () => {
  const running = state({ tunnels: [open('orders', 1)] })
  expect(reasonToStay(EMPTY_STATE, true)).toBe('tray')
  expect(reasonToStay(EMPTY_STATE, false)).toBeUndefined()
  expect(reasonToStay(running, false)).toBe('tunnels')
  expect(reasonToStay(state({ tunnels: [failed('orders')] }), false)).toBeUndefined()
  expect(reasonToStay({ ...running, engine: { ...running.engine, host: 'headless' } }, false)).toBeUndefined()
  expect(wordsForStaying('tunnels', running).body).toMatch(/^1 tunnel stays open\. This desktop shows no tray icons: start Portico again/)
  expect(wordsForStaying('tray', running).body).toMatch(/icon in the tray/)
})
