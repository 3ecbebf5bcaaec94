// @vitest-environment happy-dom
import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { aConnection, aDatabase, anOpenTunnel, CONNECTIONS, STATES, TOOLS } from './fixtures.ts'
import { show, useLayout } from './show.tsx'

const grid = (): Promise<HTMLElement> => screen.findByRole('grid', { name: 'Databases' })
const row = (name: RegExp | string): HTMLElement =>
  screen.getByRole('row', { name: typeof name === 'string' ? new RegExp(`\\b${name}\\b`) : name })
const details = (): ReturnType<typeof within> => within(screen.getByRole('complementary', { name: 'Details' }))

describe('the details', () => {
  useLayout()

  it('gives what a client needs, each with Copy', async () => {
    const bridge = show(STATES.main())
    await grid()
    fireEvent.click(row('orders'))
    expect(details().getByRole('heading', { name: 'orders' })).toBeTruthy()
    expect(details().getByText('PostgreSQL · prod.example.com · 2 connections')).toBeTruthy()
    expect(details().getByText('none needed')).toBeTruthy()
    for (const name of ['host', 'port', 'user', 'database', 'url', 'jdbc', 'command'])
      fireEvent.click(details().getByRole('button', { name: `Copy ${name}` }))
    await waitFor(() =>
      expect(bridge.asksOf('clipboard.copy').map(one => one.text)).toEqual([
        'localhost',
        '24017',
        'alice',
        'shop',
        'postgres://alice@localhost:24017/shop',
        'jdbc:postgresql://localhost:24017/shop?user=alice',
        'psql -h localhost -p 24017 -U alice shop',
      ]),
    )
    expect((await details().findAllByText('Copied')).length).toBe(7)
  })

  it('offers the users of the roles, and connects with the one that was picked', async () => {
    const bridge = show(STATES.main())
    await grid()
    fireEvent.click(row('archive'))
    fireEvent.keyDown(details().getByRole('button', { name: 'User: alice' }), { key: 'Enter' })
    const items = (await screen.findAllByRole('menuitemradio')).map(one => one.textContent)
    expect(items).toEqual(['alice', 'reader'])
    expect(screen.queryByRole('menuitem', { name: 'Other…' })).toBeNull()
    fireEvent.click(screen.getByRole('menuitemradio', { name: 'reader' }))
    fireEvent.click(screen.getByRole('button', { name: 'Connect archive' }))
    expect(bridge.asksOf('tunnel.start')).toEqual([expect.objectContaining({ databaseUser: 'reader' })])
  })

  it('takes any text where the roles allow any', async () => {
    const bridge = show(STATES.main())
    await grid()
    fireEvent.click(row('archive'))
    fireEvent.keyDown(details().getByRole('button', { name: 'Database: shop' }), { key: 'Enter' })
    fireEvent.click(await screen.findByRole('menuitem', { name: 'Other…' }))
    const field = await details().findByRole('textbox', { name: 'Database' })
    fireEvent.change(field, { target: { value: ' reports ' } })
    fireEvent.keyDown(field, { key: 'Enter' })
    fireEvent.click(details().getByRole('button', { name: 'Connect' }))
    expect(bridge.asksOf('tunnel.start')).toEqual([expect.objectContaining({ databaseName: 'reports' })])
  })

  it('asks for a user first where the roles give no default', async () => {
    const bridge = show(STATES.main())
    await grid()
    fireEvent.click(screen.getByRole('button', { name: 'Connect geo' }))
    expect(bridge.asksOf('tunnel.start')).toEqual([])
    expect(details().getByRole('alert').textContent).toBe('Choose a user before you connect.')
    await waitFor(() => expect(document.activeElement?.textContent).toBe('geo'))
    fireEvent.keyDown(details().getByRole('button', { name: 'User: Choose…' }), { key: 'Enter' })
    fireEvent.click(await screen.findByRole('menuitemradio', { name: 'maps_ro' }))
    fireEvent.click(screen.getByRole('button', { name: 'Connect geo' }))
    expect(bridge.asksOf('tunnel.start')).toEqual([expect.objectContaining({ databaseUser: 'maps_ro' })])
  })

  it('reconnects an open tunnel only when told to', async () => {
    const bridge = show(STATES.main(), {
      'tunnel.start': ({ databaseUser }) => anOpenTunnel(aDatabase('orders', { databaseUser: databaseUser ?? null })),
    })
    await grid()
    fireEvent.click(row('orders'))
    fireEvent.keyDown(details().getByRole('button', { name: 'User: alice' }), { key: 'Enter' })
    fireEvent.click(await screen.findByRole('menuitemradio', { name: 'reader' }))
    expect(details().getByText(/Reconnecting closes 2 connections\./)).toBeTruthy()
    expect(bridge.asksOf('tunnel.stop')).toEqual([])
    fireEvent.click(details().getByRole('button', { name: 'Reconnect' }))
    await waitFor(() => expect(bridge.asksOf('tunnel.start')).toEqual([expect.objectContaining({ databaseUser: 'reader' })]))
  })

  it('opens in a tool: found ones first, the rest under More…, and starts with what was chosen', async () => {
    const bridge = show(STATES.main(), {
      'tools.list': () => ({ tools: [...TOOLS] }),
      'tunnel.start': () => anOpenTunnel(aDatabase('archive')),
    })
    await grid()
    fireEvent.click(row('archive'))
    expect(await details().findByRole('button', { name: 'Open in DBeaver' })).toBeTruthy()
    expect(details().getByRole('button', { name: 'Open in psql Terminal' })).toBeTruthy()
    fireEvent.keyDown(details().getByRole('button', { name: 'User: alice' }), { key: 'Enter' })
    fireEvent.click(await screen.findByRole('menuitemradio', { name: 'reader' }))
    fireEvent.click(details().getByRole('button', { name: 'Open in psql Terminal' }))
    await waitFor(() => expect(bridge.asksOf('tools.open')).toEqual([{ resource: aDatabase('archive').id, tool: 'psql' }]))
    expect(bridge.asksOf('tunnel.start')).toEqual([expect.objectContaining({ databaseUser: 'reader' })])
    fireEvent.keyDown(details().getByRole('button', { name: 'More…' }), { key: 'Enter' })
    const missing = await screen.findByRole('menuitem', { name: /TablePlus/ })
    expect(missing.textContent).toContain('not found on this computer')
    expect(missing.getAttribute('aria-disabled')).toBe('true')
  })

  it('says so when no program was found', async () => {
    show(STATES.main(), { 'tools.list': () => ({ tools: [] }) })
    await grid()
    expect(await details().findByText(/No program for MySQL was found on this computer/)).toBeTruthy()
  })

  it('lists connections by program while an open tunnel is shown, and closes one', async () => {
    const bridge = show(STATES.main(), {
      'tunnel.connections': () => ({
        total: 3,
        connections: [aConnection(11, { from: null, state: 'waiting' }), ...CONNECTIONS.toReversed()],
      }),
    })
    await grid()
    fireEvent.click(row('orders'))
    await details().findByRole('heading', { name: 'Connections 3' })
    expect(
      details()
        .getAllByText(/^since /)
        .map((one: HTMLElement) => one.previousElementSibling?.textContent),
    ).toEqual(['DBeaver pid 4711', 'psql pid 5120', 'Unknown program '])
    expect(details().getByText(/waits for your sign-in/)).toBeTruthy()
    fireEvent.click(details().getByRole('button', { name: 'Close the connection of psql' }))
    expect(bridge.asksOf('connection.close')).toEqual([{ tunnel: 't-orders', connection: 9 }])
    const before = bridge.asksOf('tunnel.connections').length
    fireEvent.click(row('archive'))
    await new Promise(resolve => setTimeout(resolve, 1200))
    expect(bridge.asksOf('tunnel.connections')).toHaveLength(before)
  })

  it('leaves the certificate to the program when told to', async () => {
    const bridge = show(STATES.main())
    await grid()
    fireEvent.click(row('archive'))
    fireEvent.keyDown(details().getByRole('button', { name: 'How you sign in: none needed' }), { key: 'Enter' })
    fireEvent.click(await screen.findByRole('menuitemradio', { name: /certificate of your program/ }))
    fireEvent.click(details().getByRole('button', { name: 'Connect' }))
    expect(bridge.asksOf('tunnel.start')).toEqual([expect.objectContaining({ mode: 'passthrough' })])
  })

  it('takes another port where one is taken', async () => {
    const bridge = show(STATES['port-taken']())
    await grid()
    fireEvent.click(row('billing'))
    expect(details().getByRole('alert').textContent).toContain('Port 21880 is taken. mysqld (pid 812) listens there.')
    fireEvent.click(details().getByRole('button', { name: 'Use another port' }))
    expect(bridge.asksOf('tunnel.start')).toEqual([{ resource: aDatabase('billing').id, port: 0 }])
  })

  it('says what happened, why and what to do when a tunnel failed', async () => {
    show(STATES.main())
    await grid()
    fireEvent.click(row('events'))
    expect(details().getByRole('alert').textContent).toContain(
      'The connection was closed by the other side. No database agent is online. Check that',
    )
  })
})
