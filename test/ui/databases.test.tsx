// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { PorticoError } from '../../shared/errors.ts'
import { aDatabase, aFailedTunnel, anOpenTunnel, aStartingTunnel, HOSTILE, PROXY, STATES, TOOLS } from './fixtures.ts'
import { show, useLayout } from './show.tsx'

const grid = (): Promise<HTMLElement> => screen.findByRole('grid', { name: 'Databases' })
const row = (name: RegExp | string): HTMLElement =>
  screen.getByRole('row', { name: typeof name === 'string' ? new RegExp(`\\b${name}\\b`) : name })
const activeName = (of: HTMLElement): string =>
  document.getElementById(of.getAttribute('aria-activedescendant') ?? '')?.querySelector('b')?.textContent ?? ''

describe('the list of databases', () => {
  useLayout()

  it('shows what runs first, each row with its state in words, labels, address and one button', async () => {
    show(STATES.main())
    await grid()
    expect(screen.getAllByRole('row').map(one => one.querySelector('b')?.textContent)).toEqual([
      'Running',
      'billing',
      'events',
      'orders',
      'Databases',
      'archive',
      'cache',
      'catalog',
      'geo',
      'logs',
      'metrics',
      'payroll',
      'search',
    ])
    const orders = within(row('orders'))
    expect(orders.getByText('Connected')).toBeTruthy()
    expect(orders.getByText('env=prod · team=shop · region=us-east-1')).toBeTruthy()
    expect(orders.getByText('localhost:24017')).toBeTruthy()
    expect(orders.getByRole('button', { name: 'Disconnect orders' })).toBeTruthy()
    expect(within(row('events')).getByText(/no database agent is online/)).toBeTruthy()
    expect(within(row('events')).getByRole('button', { name: 'Try again events' })).toBeTruthy()
    expect(within(row('metrics')).getByRole('button', { name: 'Cancel metrics' })).toBeTruthy()
  })

  it('starts a tunnel by Connect, cancels it while it starts, stops it when it runs', async () => {
    const orders = aDatabase('orders')
    const bridge = show({ ...STATES.main(), databases: { state: 'ready', items: [orders], failure: null }, tunnels: [] })
    await grid()
    fireEvent.click(screen.getByRole('button', { name: 'Connect orders' }))
    fireEvent.click(screen.getByRole('button', { name: 'Connect orders' }), { detail: 2 })
    expect(bridge.asksOf('tunnel.start')).toEqual([{ resource: orders.id }])
    act(() => bridge.change({ tunnels: [aStartingTunnel(orders)] }))
    fireEvent.click(screen.getByRole('button', { name: 'Cancel orders' }))
    act(() => bridge.change({ tunnels: [anOpenTunnel(orders)] }))
    fireEvent.click(screen.getByRole('button', { name: 'Disconnect orders' }))
    expect(bridge.asksOf('tunnel.stop')).toEqual([{ tunnel: 't-orders' }, { tunnel: 't-orders' }])
    act(() =>
      bridge.change({ tunnels: [aFailedTunnel(orders, { code: 'tunnel/port-in-use', facts: { port: 24017, pid: 99, program: 'nc' } })] }),
    )
    expect(within(row('orders')).getByText('Port 24017 is taken: nc (pid 99) listens there')).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: 'Try again orders' }))
    expect(bridge.asksOf('tunnel.start')).toHaveLength(2)
  })

  it('says in words why a question failed, and lets go of it', async () => {
    show(
      { ...STATES.main(), tunnels: [] },
      {
        'tunnel.start': () => {
          throw new PorticoError('proxy/unreachable', { proxy: PROXY, why: 'no route to it' })
        },
      },
    )
    await grid()
    fireEvent.click(screen.getByRole('button', { name: 'Connect orders' }))
    const alert = await screen.findByRole('alert')
    expect(alert.textContent).toContain('Cannot reach prod.example.com:443. No route to it. Check the address and your network.')
    fireEvent.click(within(alert).getByRole('button', { name: 'Dismiss' }))
    expect(screen.queryByRole('alert')).toBeNull()
  })

  it('leaves the reason to the row when the engine put it there', async () => {
    const orders = aDatabase('orders')
    const bridge = show(
      { ...STATES.main(), databases: { state: 'ready', items: [orders], failure: null }, tunnels: [] },
      {
        'tunnel.start': () => {
          const failure = { code: 'tunnel/port-in-use', facts: { port: 24017 } } as const
          bridge.change({ tunnels: [aFailedTunnel(orders, failure)] })
          throw new PorticoError(failure.code, failure.facts)
        },
      },
    )
    await grid()
    await act(async () => {
      fireEvent.click(screen.getByRole('button', { name: 'Connect orders' }))
    })
    expect(within(row('orders')).getByText(/Port 24017 is taken/)).toBeTruthy()
    expect(within(screen.getByRole('main')).queryByRole('alert')).toBeNull()
  })

  it('shows nothing when the person cancelled', async () => {
    show(
      { ...STATES.main(), tunnels: [] },
      {
        'tunnel.start': () => {
          throw new PorticoError('app/cancelled')
        },
      },
    )
    await grid()
    await act(async () => {
      fireEvent.click(screen.getByRole('button', { name: 'Connect orders' }))
    })
    expect(screen.queryByRole('alert')).toBeNull()
  })

  it('moves by arrows over headings, acts by Enter, and copies the address by c', async () => {
    const bridge = show(STATES.main())
    const list = await grid()
    expect(activeName(list)).toBe('billing')
    const key = (pressed: string): boolean => fireEvent.keyDown(list, { key: pressed })
    key('ArrowDown')
    key('ArrowDown')
    key('ArrowDown')
    expect(activeName(list)).toBe('archive')
    expect(row('archive').getAttribute('aria-selected')).toBe('true')
    key('Enter')
    expect(bridge.asksOf('tunnel.start')).toHaveLength(1)
    key('c')
    expect(await screen.findByText('Copied localhost:28121')).toBeTruthy()
    expect(bridge.asksOf('clipboard.copy')).toEqual([{ text: 'localhost:28121' }])
    key('End')
    expect(activeName(list)).toBe('search')
    key('Home')
    expect(activeName(list)).toBe('billing')
    key('ArrowUp')
    expect(activeName(list)).toBe('billing')
  })

  it('finds a row by typing its name', async () => {
    show(STATES.main())
    const list = await grid()
    for (const letter of 'pay') fireEvent.keyDown(list, { key: letter })
    expect(activeName(list)).toBe('payroll')
  })

  it('takes keys for the list when nothing has the focus, and / for the search', async () => {
    show(STATES.main())
    const list = await grid()
    fireEvent.keyDown(document.body, { key: 'ArrowDown' })
    expect(document.activeElement).toBe(list)
    expect(activeName(list)).toBe('events')
    fireEvent.keyDown(list, { key: '/' })
    const search = screen.getByRole('textbox', { name: 'Search databases' })
    expect(document.activeElement).toBe(search)
    fireEvent.change(search, { target: { value: 'geo' } })
    fireEvent.keyDown(search, { key: 'Enter' })
    expect(document.activeElement).toBe(await grid())
  })

  it('moves to the details by Space and back by Escape', async () => {
    show(STATES.main())
    const list = await grid()
    list.focus()
    fireEvent.keyDown(list, { key: ' ' })
    const title = await screen.findByRole('heading', { name: 'billing' })
    await waitFor(() => expect(document.activeElement).toBe(title))
    fireEvent.keyDown(title, { key: 'Escape' })
    expect(document.activeElement).toBe(list)
  })

  it('searches by words and filters, says what is hidden, and clears by Escape', async () => {
    show(STATES.main())
    await grid()
    const search = screen.getByRole('textbox', { name: 'Search databases' })
    expect(search.getAttribute('placeholder')).toBe('Search 11 databases by name, label or protocol')
    fireEvent.change(search, { target: { value: 'env:prod proto:postgres' } })
    expect(screen.getByText('4 of 11 shown, 7 hidden by the search')).toBeTruthy()
    fireEvent.change(search, { target: { value: 'zzz' } })
    expect(screen.getByText('No database matches')).toBeTruthy()
    fireEvent.keyDown(search, { key: 'Escape' })
    expect(screen.queryByText('No database matches')).toBeNull()
  })

  it('draws a few dozen rows of 10 000', async () => {
    show(STATES.many())
    const list = await grid()
    expect(list.getAttribute('aria-rowcount')).toBe('10002')
    expect(screen.getAllByRole('row').length).toBeLessThan(60)
    fireEvent.change(screen.getByRole('textbox', { name: 'Search databases' }), { target: { value: 'db-09988' } })
    expect(screen.getByText('1 of 10,000 shown, 9,999 hidden by the search')).toBeTruthy()
    expect(row(/db-09988/)).toBeTruthy()
  })

  it('shows only what runs when the sidebar is asked for it', async () => {
    show(STATES.main())
    await grid()
    fireEvent.click(screen.getByRole('button', { name: 'Running 3' }))
    expect(screen.queryByText('archive')).toBeNull()
    expect(screen.getByRole('button', { name: 'Running 3' }).getAttribute('aria-current')).toBe('page')
  })

  it.each([
    ['loading' as const, 'Looking for databases…', undefined],
    ['empty' as const, 'No databases here yet', 'Look again'],
    ['list-failed' as const, 'The list of databases could not be read', 'Try again'],
  ])('says what to do when the list is "%s"', async (state, words, button) => {
    const bridge = show(STATES[state]())
    expect(await screen.findByText(words)).toBeTruthy()
    if (button === undefined) return
    fireEvent.click(screen.getByRole('button', { name: button }))
    expect(bridge.asksOf('databases.refresh')).toHaveLength(1)
  })

  it('says in words that the proxy does not answer, and why a row waits', async () => {
    show(STATES.unreachable())
    expect(await screen.findByText(/prod\.example\.com:443 has not answered since \d\d:\d\d\./)).toBeTruthy()
    expect(within(row('metrics')).getByText('Waiting for the proxy at prod.example.com:443')).toBeTruthy()
    expect(screen.getByText('Cluster does not answer')).toBeTruthy()
  })

  it('shows a notice until it is dismissed', async () => {
    const bridge = show(STATES.notices())
    expect(await screen.findByText(/No keychain was found/)).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: 'Dismiss' }))
    expect(bridge.asksOf('notice.dismiss')).toEqual([{ id: 'n1' }])
    act(() => bridge.change({ notices: [] }))
    expect(screen.queryByText(/No keychain was found/)).toBeNull()
  })

  it('marks a favourite by its star, and lists favourites alone', async () => {
    const bridge = show(STATES.main())
    await grid()
    fireEvent.click(screen.getByRole('button', { name: 'Favourite archive' }))
    const archive = aDatabase('archive')
    expect(bridge.asksOf('favourite.set')).toEqual([{ resource: archive.id, on: true }])
    act(() => bridge.change({ favourites: [archive.id] }))
    expect(screen.getByRole('button', { name: 'Favourite archive' }).getAttribute('aria-pressed')).toBe('true')
    fireEvent.click(screen.getByRole('button', { name: 'Favourites 1' }))
    expect(screen.getAllByRole('row').map(one => one.querySelector('b')?.textContent)).toEqual(['Favourites', 'archive'])
    act(() => bridge.change({ favourites: [] }))
    expect(screen.getByText('No favourites yet')).toBeTruthy()
  })

  it('groups by a label key, which is a setting', async () => {
    const bridge = show(STATES.grouped())
    await grid()
    expect(screen.getAllByRole('row').map(one => one.querySelector('b')?.textContent)).toEqual(
      expect.arrayContaining(['Running', 'hr', 'maps', 'platform', 'shop']),
    )
    fireEvent.keyDown(screen.getByRole('button', { name: 'By team' }), { key: 'Enter' })
    fireEvent.click(await screen.findByRole('menuitemradio', { name: 'env' }))
    fireEvent.click(screen.getByRole('button', { name: 'List' }))
    expect(bridge.asksOf('settings.write')).toEqual([{ groupBy: 'env' }, { groupBy: null }])
  })

  it('connects by a double click and opens the last used tool, or the first that is found', async () => {
    const [first, second] = [aDatabase('first', { lastTool: 'datagrip' }), aDatabase('second')]
    const bridge = show(
      { ...STATES.main(), databases: { state: 'ready', items: [first, second], failure: null }, tunnels: [] },
      {
        'tools.list': () => ({ tools: [...TOOLS] }),
        'tunnel.start': ({ resource }) => anOpenTunnel(resource === first.id ? first : second),
      },
    )
    await grid()
    fireEvent.doubleClick(row('first'))
    fireEvent.doubleClick(row('second'))
    await waitFor(() =>
      expect(bridge.asksOf('tools.open')).toEqual([
        { resource: first.id, tool: 'datagrip' },
        { resource: second.id, tool: 'dbeaver' },
      ]),
    )
    expect(bridge.asksOf('tunnel.start')).toEqual([{ resource: first.id }, { resource: second.id }])
    fireEvent.doubleClick(screen.getByRole('button', { name: 'Connect first' }))
    expect(bridge.asksOf('tools.open')).toHaveLength(2)
  })

  it('shows hostile names as text, with what hides or turns characters marked', async () => {
    show(STATES.hostile())
    await grid()
    expect(document.querySelector('img')).toBeNull()
    expect(document.body.textContent).toContain('"; $(reboot) `id` \ufffd[31m<img src=x onerror=alert(1)>\ufffdgnp.exe')
    expect(document.body.textContent).not.toContain('\u202e')
    expect(document.body.textContent).not.toContain(HOSTILE)
  })
})
