// @vitest-environment happy-dom
import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { PorticoError } from '../../shared/errors.ts'
import type { LogEntry } from '../../shared/state.ts'
import { STATES } from './fixtures.ts'
import { show, useLayout } from './show.tsx'

const LINES: readonly LogEntry[] = [
  { at: 1000, level: 'info', event: 'tunnel.open', facts: { tunnel: 't1', port: 24017 } },
  { at: 1000, level: 'warn', event: 'proxy.unreachable', facts: { proxy: 'prod\u202e.example.com' } },
  { at: 2000, level: 'error', event: 'app.bug', facts: { why: 'no', more: { deep: true } } },
]

async function open(answers: Parameters<typeof show>[1] = {}) {
  const bridge = show(STATES.main(), { 'log.read': () => ({ entries: [...LINES] }), ...answers })
  await screen.findByRole('grid')
  fireEvent.click(screen.getByRole('button', { name: 'Log' }))
  return bridge
}
const said = (): (string | undefined)[] =>
  within(screen.getByRole('log'))
    .getAllByText(/^(tunnel|proxy|app)\./)
    .map(one => one.parentElement?.textContent ?? undefined)

describe('the log page', () => {
  useLayout()

  it('shows lines in order, what hides in them marked', async () => {
    await open()
    await screen.findByRole('log')
    expect(said()).toEqual([
      'tunnel.open tunnel=t1 port=24017',
      'proxy.unreachable proxy=prod\ufffd.example.com',
      'app.bug why=no more={"deep":true}',
    ])
    expect(screen.getByText(/^3 lines/).textContent).toContain('Passwords, keys and tokens never get in here.')
  })

  it('searches by words over events, facts and levels', async () => {
    await open()
    await screen.findByRole('log')
    fireEvent.change(screen.getByRole('textbox', { name: 'Search the log' }), { target: { value: 'WARN example' } })
    expect(said()).toEqual(['proxy.unreachable proxy=prod\ufffd.example.com'])
    expect(screen.getByText(/^1 of 3 lines/)).toBeTruthy()
    fireEvent.change(screen.getByRole('textbox', { name: 'Search the log' }), { target: { value: 'zzz' } })
    expect(screen.getByText('No line matches')).toBeTruthy()
  })

  it('asks for the chosen level, and again each second only while it follows', async () => {
    const bridge = await open()
    await screen.findByRole('log')
    fireEvent.click(screen.getByRole('button', { name: 'Errors' }))
    await waitFor(() => expect(bridge.asksOf('log.read').at(-1)).toEqual({ limit: 2000, level: 'error' }))
    const before = bridge.asksOf('log.read').length
    await waitFor(() => expect(bridge.asksOf('log.read').length).toBeGreaterThan(before), { timeout: 3000 })
    fireEvent.click(screen.getByRole('button', { name: 'Follow' }))
    const stopped = bridge.asksOf('log.read').length + 1
    await new Promise(resolve => setTimeout(resolve, 1300))
    expect(bridge.asksOf('log.read').length).toBeLessThanOrEqual(stopped)
  })

  it('exports, and says that no secret is in the file', async () => {
    const bridge = await open({ 'log.export': () => ({ saved: true }) })
    await screen.findByRole('log')
    fireEvent.click(screen.getByRole('button', { name: 'Export…' }))
    expect(await screen.findByText(/The log was saved\. Passwords, keys and tokens are not in it\./)).toBeTruthy()
    expect(bridge.asksOf('log.export')).toEqual([{}])
  })

  it('says why it could not be read, and when there is nothing yet', async () => {
    await open({
      'log.read': () => {
        throw new PorticoError('app/bug', { why: 'the file is gone' })
      },
    })
    expect((await screen.findByRole('alert')).textContent).toContain('The file is gone.')
  })
})
