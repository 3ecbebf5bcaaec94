// @vitest-environment happy-dom
import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { aDatabase, STATES, TOOLS } from './fixtures.ts'
import { show, useLayout } from './show.tsx'

const grid = (): Promise<HTMLElement> => screen.findByRole('grid', { name: 'Databases' })
const lines = (): (string | null)[] => screen.getAllByRole('option').map(one => one.textContent)

async function open(state = STATES.main(), answers: Parameters<typeof show>[1] = {}) {
  const bridge = show(state, { 'tools.list': () => ({ tools: [...TOOLS] }), ...answers })
  await grid()
  fireEvent.keyDown(document.body, { key: 'k', ctrlKey: true })
  const dialog = await screen.findByRole('dialog', { name: 'Search everything' })
  return { bridge, dialog: within(dialog), input: within(dialog).getByRole('combobox') }
}

describe('the palette', () => {
  useLayout()

  it('offers everything about the first match, the likeliest first', async () => {
    const { input } = await open()
    fireEvent.change(input, { target: { value: 'ord' } })
    await waitFor(() => expect(lines()[0]).toBe('PgordersOpen in DBeaver'))
    expect(lines()).toEqual([
      'PgordersOpen in DBeaver',
      'PgordersCopy address localhost:24017Ctrl C',
      'PgordersDisconnect',
      'PgordersShow details',
      'PgordersRemove from favourites',
    ])
    expect(screen.getAllByRole('option')[0]?.getAttribute('aria-selected')).toBe('true')
  })

  it('carries out the first line by Enter, and closes', async () => {
    const { bridge, input } = await open()
    fireEvent.change(input, { target: { value: 'ord' } })
    await waitFor(() => expect(lines()[0]).toBe('PgordersOpen in DBeaver'))
    fireEvent.keyDown(input, { key: 'Enter' })
    await waitFor(() => expect(bridge.asksOf('tools.open')).toEqual([{ resource: aDatabase('orders').id, tool: 'dbeaver' }]))
    expect(screen.queryByRole('dialog')).toBeNull()
  })

  it('connects, names that start with the search first', async () => {
    const { bridge, input } = await open({
      ...STATES.main(),
      databases: { state: 'ready', items: [aDatabase('reorder'), aDatabase('orders-replica')], failure: null },
      tunnels: [],
    })
    fireEvent.change(input, { target: { value: 'order' } })
    expect(lines()[0]).toBe('Pgorders-replicaConnect')
    expect(lines().at(-1)).toBe('PgreorderConnect')
    fireEvent.keyDown(input, { key: 'Enter' })
    expect(bridge.asksOf('tunnel.start')).toEqual([{ resource: aDatabase('orders-replica').id }])
  })

  it('copies the address of the line by Ctrl C', async () => {
    const { bridge, input } = await open()
    fireEvent.change(input, { target: { value: 'archive' } })
    fireEvent.keyDown(input, { key: 'c', ctrlKey: true })
    await waitFor(() => expect(bridge.asksOf('clipboard.copy')).toEqual([{ text: 'localhost:28121' }]))
  })

  it('moves by arrows and stays where somebody moved to', async () => {
    const { bridge, input } = await open()
    fireEvent.change(input, { target: { value: 'archive' } })
    await waitFor(() => expect(lines()).toContain('PgarchiveOpen in DBeaver'))
    fireEvent.keyDown(input, { key: 'ArrowDown' })
    await waitFor(() => expect(screen.getAllByRole('option')[1]?.getAttribute('aria-selected')).toBe('true'))
    fireEvent.keyDown(input, { key: 'ArrowDown' })
    fireEvent.keyDown(input, { key: 'ArrowDown' })
    fireEvent.keyDown(input, { key: 'ArrowDown' })
    fireEvent.keyDown(input, { key: 'Enter' })
    expect(bridge.asksOf('favourite.set')).toEqual([{ resource: aDatabase('archive').id, on: true }])
  })

  it.each([
    ['dark', 'Theme: dark', 'settings.write', [{ theme: 'dark' }]],
    ['group team', 'Group by team', 'settings.write', [{ groupBy: 'team' }]],
    ['leaf', /^eu-leaf ?List its resources$/, 'cluster.use', [{ cluster: 'eu-leaf' }]],
    ['eu.example', /^eu\.example\.com ?Switch to this cluster$/, 'profile.use', [{ proxy: 'eu.example.com:443' }]],
    ['sign out', 'Sign out of prod.example.com', 'login.end', [{ proxy: 'prod.example.com:443' }]],
    ['look again', 'Look for databases again', 'databases.refresh', [{}]],
    ['export', 'Export the log…', 'log.export', [{}]],
  ] as const)('finds %j among actions, clusters and settings', async (typed, line, question, asks) => {
    const { bridge, input } = await open(STATES.main(), { 'log.export': () => ({ saved: false }) })
    fireEvent.change(input, { target: { value: typed } })
    fireEvent.click(screen.getByRole('option', { name: line }))
    await waitFor(() => expect(bridge.asksOf(question)).toEqual(asks))
    expect(screen.queryByRole('dialog')).toBeNull()
  })

  it('goes to the settings, and says when nothing matches', async () => {
    const { input } = await open()
    fireEvent.change(input, { target: { value: 'zzz' } })
    expect(screen.getByText('Nothing matches. Try fewer words.')).toBeTruthy()
    fireEvent.change(input, { target: { value: 'settings go' } })
    fireEvent.keyDown(input, { key: 'Enter' })
    expect(await screen.findByRole('heading', { name: 'Settings' })).toBeTruthy()
  })

  it('closes by Ctrl K and by Escape, and does not open over another dialog', async () => {
    const { input } = await open(STATES.expired())
    fireEvent.keyDown(input, { key: 'k', ctrlKey: true })
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    await screen.findByRole('dialog', { name: 'Sign in to prod.example.com' })
    fireEvent.keyDown(document.body, { key: 'k', ctrlKey: true })
    expect(screen.getAllByRole('dialog')).toHaveLength(1)
  })
})
