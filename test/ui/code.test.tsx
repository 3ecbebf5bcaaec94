// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { aDatabase, anOpenTunnel, STATES } from './fixtures.ts'
import { show, useLayout } from './show.tsx'

const [orders, metrics] = [aDatabase('orders'), aDatabase('metrics')]
const WANTED = { checking: false, refused: null }
const items = { state: 'ready' as const, items: [orders, metrics], failure: null }
const dialog = (name: RegExp): Promise<HTMLElement> => screen.findByRole('dialog', { name })
const type = (into: HTMLElement, code: string): void => {
  fireEvent.change(within(into).getByLabelText('One-time code'), { target: { value: code } })
  fireEvent.click(within(into).getByRole('button', { name: /Confirm/ }))
}

describe('the one-time code of a tunnel', () => {
  useLayout()

  it('is asked for in one dialog, however many connections wait, and goes to the tunnel', async () => {
    const bridge = show({ ...STATES.main(), databases: items, tunnels: [anOpenTunnel(orders, { code: WANTED, waiting: 20 })] })
    const open = await dialog(/Code for orders/)
    expect(open.textContent).toContain('20 connections wait and will go on')
    expect(screen.getAllByRole('dialog')).toHaveLength(1)
    type(open, '123 456')
    expect(bridge.asksOf('tunnel.code')).toEqual([{ tunnel: 't-orders', code: '123456' }])
    act(() => bridge.change({ tunnels: [anOpenTunnel(orders, { code: { checking: true, refused: null }, waiting: 20 })] }))
    expect(within(open).getByRole('button', { name: 'Checking…' }).hasAttribute('disabled')).toBe(true)
    act(() => bridge.change({ tunnels: [anOpenTunnel(orders)] }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  })

  it('is asked for again in the same dialog when it was refused, with the reason', async () => {
    const bridge = show({ ...STATES.main(), databases: items, tunnels: [anOpenTunnel(orders, { code: WANTED })] })
    type(await dialog(/Code for orders/), '000000')
    const refused = { code: 'login/code-refused', facts: {} } as const
    act(() => bridge.change({ tunnels: [anOpenTunnel(orders, { code: { checking: false, refused } })] }))
    const open = await dialog(/Code for orders/)
    expect(open.textContent).toContain('The one-time code was refused')
    expect(within(open).getByLabelText<HTMLInputElement>('One-time code').value).toBe('')
  })

  it('comes one tunnel after the other, and one that was put off waits behind a button', async () => {
    show({
      ...STATES.main(),
      databases: items,
      tunnels: [anOpenTunnel(orders, { code: WANTED }), anOpenTunnel(metrics, { code: WANTED })],
    })
    fireEvent.click(within(await dialog(/Code for orders/)).getByRole('button', { name: 'Close' }))
    fireEvent.click(within(await dialog(/Code for metrics/)).getByRole('button', { name: 'Close' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(screen.getByText('orders, metrics wait for a one-time code.')).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: 'Enter code' }))
    await dialog(/Code for orders/)
  })
})
