// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { PorticoError } from '../../shared/errors.ts'
import { aProfile, PROXY, STATES } from './fixtures.ts'
import { show, useLayout } from './show.tsx'

const grid = (): Promise<HTMLElement> => screen.findByRole('grid', { name: 'Databases' })

describe('the cluster', () => {
  useLayout()
  const openMenu = async (): Promise<void> => {
    await grid()
    fireEvent.keyDown(screen.getByRole('button', { name: /^Cluster prod\.example\.com/ }), { key: 'Enter' })
    await screen.findByRole('menu')
  }

  it('shows who is signed in and for how long', async () => {
    show(STATES.main())
    await grid()
    expect(screen.getByRole('button', { name: /Cluster prod\.example\.com/ }).textContent).toContain('alice · 7 h 42 m left')
  })

  it('switches, signs out and adds', async () => {
    const bridge = show(STATES.main())
    await openMenu()
    fireEvent.click(screen.getByRole('menuitemradio', { name: /eu\.example\.com/ }))
    expect(bridge.asksOf('profile.use')).toEqual([{ proxy: 'eu.example.com:443' }])
    await openMenu()
    fireEvent.click(screen.getByRole('menuitem', { name: 'Sign out' }))
    expect(bridge.asksOf('login.end')).toEqual([{ proxy: PROXY }])
    await openMenu()
    fireEvent.click(screen.getByRole('menuitem', { name: 'Add a cluster…' }))
    expect(await screen.findByRole('heading', { name: 'Connect to your cluster' })).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: 'Back' }))
    expect(await grid()).toBeTruthy()
  })

  it('lists what a leaf has when it is chosen', async () => {
    const bridge = show(STATES.main())
    await grid()
    fireEvent.click(screen.getByRole('button', { name: 'eu-leaf' }))
    expect(bridge.asksOf('cluster.use')).toEqual([{ cluster: 'eu-leaf' }])
  })

  it('offers a sign-in shortly before the end, until it is put off', async () => {
    show(STATES['ending-soon'](), {
      'login.look': ({ proxy }) => ({ proxy, cluster: 'prod.example.com', version: '13.0.0', kind: 'password', wants: '' }),
    })
    await grid()
    expect(screen.getByText(/Your session ends in 8 m\./)).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    expect((await screen.findByRole('dialog')).textContent).toContain('Sign in now and nothing is interrupted.')
    fireEvent.click(screen.getByRole('button', { name: 'Close' }))
    fireEvent.click(screen.getByRole('button', { name: 'Later' }))
    expect(screen.queryByText(/Your session ends/)).toBeNull()
  })

  it('marks logins of tsh', async () => {
    const tsh = aProfile({ source: 'tsh', proxy: 'eu.example.com:443', cluster: 'eu.example.com', current: false })
    show({ ...STATES.main(), profiles: [aProfile(), tsh] })
    await openMenu()
    expect(screen.getByRole('menuitemradio', { name: /eu\.example\.com/ }).textContent).toContain('alice · tsh')
  })

  it('tells once that the session ended, signs in over the list, and goes on', async () => {
    const bridge = show(STATES.expired(), {
      'login.look': ({ proxy }) => ({ proxy, cluster: 'prod.example.com', version: '13.0.0', kind: 'password-and-code', wants: '' }),
      'login.submit': () => aProfile(),
    })
    await grid()
    expect(screen.getByText(/Your session ended 2 minutes ago\./).parentElement?.textContent).toContain(
      '5 connections on 3 tunnels are waiting and will go on.',
    )
    expect(screen.queryByRole('dialog')).toBeNull()
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    const dialog = within(await screen.findByRole('dialog', { name: 'Sign in to prod.example.com' }))
    const password = await dialog.findByLabelText('Password')
    expect(dialog.getByLabelText<HTMLInputElement>('User name').value).toBe('alice')
    expect(document.activeElement).toBe(password)
    fireEvent.change(password, { target: { value: 'secret' } })
    fireEvent.change(dialog.getByLabelText('One-time code'), { target: { value: '123 456' } })
    fireEvent.click(dialog.getByRole('button', { name: 'Sign in' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(bridge.asksOf('login.submit')).toEqual([{ proxy: PROXY, user: 'alice', password: 'secret', code: '123456' }])
    act(() => bridge.change({ session: { state: 'active', profile: aProfile() } }))
    expect(screen.queryByText(/Your session ended/)).toBeNull()
  })

  it('starts a lab again that has stopped, and says so while it does', async () => {
    const atLab = aProfile({ proxy: 'localhost:3480', cluster: 'lab' })
    const bridge = show(
      {
        ...STATES.main(),
        session: { state: 'active', profile: atLab },
        lab: { state: 'failed', failure: { code: 'lab/failed', facts: {} } },
        proxy: { reachable: false, since: 0, failure: null },
      },
      { 'lab.start': () => ({}) },
    )
    await grid()
    expect(screen.getByText('The lab has stopped.')).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: 'Start the lab' }))
    expect(bridge.asksOf('lab.start')).toEqual([{}])
    act(() => bridge.change({ lab: { state: 'starting', step: 'Starting PostgreSQL' } }))
    expect(screen.getByText('Starting PostgreSQL')).toBeTruthy()
  })

  it('signs in to the lab without a password, which nobody knows', async () => {
    const bridge = show({ ...STATES.expired(), lab: { state: 'running', proxy: PROXY, pid: 1 } }, { 'lab.start': () => ({}) })
    await grid()
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    const dialog = within(await screen.findByRole('dialog', { name: 'Sign in to prod.example.com' }))
    expect(dialog.queryByLabelText('Password')).toBeNull()
    fireEvent.click(dialog.getByRole('button', { name: 'Sign in to the lab' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(bridge.asksOf('lab.start')).toEqual([{}])
  })

  it('asks for a sign-in when a start needs one', async () => {
    show(STATES.main(), {
      'tunnel.start': () => {
        throw new PorticoError('login/expired', { proxy: PROXY })
      },
      'login.look': ({ proxy }) => ({ proxy, cluster: 'prod.example.com', version: '13.0.0', kind: 'password', wants: '' }),
    })
    await grid()
    fireEvent.click(screen.getByRole('button', { name: 'Connect archive' }))
    expect(await screen.findByRole('dialog', { name: 'Sign in to prod.example.com' })).toBeTruthy()
  })
})
