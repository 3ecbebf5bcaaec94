// @vitest-environment happy-dom
import { act, fireEvent, screen } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { PorticoError } from '../../shared/errors.ts'
import { DEFAULT_SETTINGS } from '../../shared/state.ts'
import { STATES } from './fixtures.ts'
import { show, useLayout } from './show.tsx'

async function open(answers: Parameters<typeof show>[1] = {}) {
  const bridge = show(STATES.main(), answers)
  await screen.findByRole('grid')
  fireEvent.click(screen.getByRole('button', { name: 'Settings' }))
  await screen.findByRole('heading', { name: 'Settings' })
  return bridge
}

describe('the settings', () => {
  useLayout()

  it('says where they are kept and that the file may be changed by hand', async () => {
    await open()
    expect(screen.getByText('Kept in /home/alice/.config/portico/settings.yaml. Changes to that file show here at once.')).toBeTruthy()
  })

  it('sends each change, and shows it when the engine has it', async () => {
    const bridge = await open({ 'settings.write': change => ({ ...DEFAULT_SETTINGS, ...change }) as typeof DEFAULT_SETTINGS })
    const login = screen.getByRole('switch', { name: 'Start when you log in to this computer' })
    fireEvent.click(login)
    expect(login.getAttribute('aria-checked')).toBe('false')
    act(() => bridge.change({ settings: { ...DEFAULT_SETTINGS, startAtLogin: true } }))
    expect(login.getAttribute('aria-checked')).toBe('true')
    fireEvent.click(screen.getByRole('switch', { name: 'Start without a window then' }))
    fireEvent.click(screen.getByRole('switch', { name: 'Connect again what ran before' }))
    fireEvent.click(screen.getByRole('switch', { name: 'Notifications' }))
    const terminal = screen.getByRole('textbox', { name: 'Terminal' })
    fireEvent.change(terminal, { target: { value: ' kitty ' } })
    fireEvent.keyDown(terminal, { key: 'Enter' })
    expect(bridge.asksOf('settings.write')).toEqual([
      { startAtLogin: true },
      { startHidden: true },
      { restoreTunnels: false },
      { notifications: false },
      { terminal: 'kitty' },
    ])
  })

  it('puts the theme on the page, by the setting alone', async () => {
    const bridge = await open()
    fireEvent.click(screen.getByRole('button', { name: 'Dark' }))
    expect(document.documentElement.dataset['theme']).toBeUndefined()
    act(() => bridge.change({ settings: { ...DEFAULT_SETTINGS, theme: 'dark' } }))
    expect(document.documentElement.dataset['theme']).toBe('dark')
    act(() => bridge.change({ settings: DEFAULT_SETTINGS }))
    expect(document.documentElement.dataset['theme']).toBeUndefined()
  })

  it('gives a text back by Escape, and takes none for an empty one', async () => {
    const bridge = await open()
    act(() => bridge.change({ settings: { ...DEFAULT_SETTINGS, terminal: 'kitty' } }))
    const terminal = screen.getByRole<HTMLInputElement>('textbox', { name: 'Terminal' })
    fireEvent.change(terminal, { target: { value: 'x' } })
    fireEvent.keyDown(terminal, { key: 'Escape' })
    expect(terminal.value).toBe('kitty')
    fireEvent.change(terminal, { target: { value: ' ' } })
    fireEvent.blur(terminal)
    expect(bridge.asksOf('settings.write')).toEqual([{ terminal: null }])
  })

  it('says why a change could not be kept', async () => {
    await open({
      'settings.write': () => {
        throw new PorticoError('state/disk-full', { path: 'settings.yaml' })
      },
    })
    fireEvent.click(screen.getByRole('switch', { name: 'Notifications' }))
    expect((await screen.findByRole('alert')).textContent).toContain('The disk is full.')
  })

  it('says where the engine runs', async () => {
    const bridge = await open()
    expect(screen.getByText('Runs in this app')).toBeTruthy()
    act(() => bridge.change({ engine: { host: 'headless', pid: 7, since: 0, version: '0.1.0' } }))
    expect(screen.getByText('Runs on its own, without the window')).toBeTruthy()
    expect(screen.getByText(/^Kept in settings\.yaml\./)).toBeTruthy()
  })
})
