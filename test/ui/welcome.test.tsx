// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import type { LoginForm } from '../../shared/contract.ts'
import { PorticoError } from '../../shared/errors.ts'
import { EMPTY_STATE } from '../../shared/state.ts'
import { aProfile, PROXY, STATES } from './fixtures.ts'
import { show, useLayout } from './show.tsx'

const form = (kind: LoginForm['kind'], wants = ''): LoginForm => ({
  proxy: PROXY,
  cluster: 'prod.example.com',
  version: '13.0.0',
  kind,
  wants,
})
const typeAddress = async (address: string): Promise<void> => {
  fireEvent.change(await screen.findByLabelText('Address of your cluster'), { target: { value: address } })
  fireEvent.click(screen.getByRole('button', { name: 'Continue' }))
}
const fill = (label: string, value: string): void => void fireEvent.change(screen.getByLabelText(label), { target: { value } })

describe('welcome', () => {
  useLayout()

  it('offers the logins of tsh, and asks which of several', async () => {
    const bridge = show(STATES.tsh())
    expect(await screen.findByText('2 profiles found: prod.example.com, eu.example.com')).toBeTruthy()
    fireEvent.keyDown(screen.getByRole('button', { name: 'Use' }), { key: 'Enter' })
    fireEvent.click(await screen.findByRole('menuitem', { name: /eu\.example\.com/ }))
    expect(bridge.asksOf('profile.use')).toEqual([{ proxy: 'eu.example.com:443' }])
  })

  it('starts the lab by one click and shows its steps', async () => {
    const bridge = show(STATES.welcome())
    fireEvent.click(await screen.findByRole('button', { name: 'Start the lab' }))
    expect(bridge.asksOf('lab.start')).toHaveLength(1)
    act(() => bridge.change({ lab: { state: 'starting', step: 'Starting PostgreSQL' } }))
    expect(screen.getByText(/Starting PostgreSQL/)).toBeTruthy()
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Starting… the lab' }).disabled).toBe(true)
    act(() => bridge.change({ lab: { state: 'failed', failure: { code: 'lab/failed', facts: { why: 'PostgreSQL ended with code 1' } } } }))
    expect(screen.getByRole('alert').textContent).toContain('The lab could not start. PostgreSQL ended with code 1. Try again.')
    act(() => bridge.change({ ...STATES.main(), lab: { state: 'running', proxy: 'localhost:3480', pid: 1 } }))
    expect(await screen.findByRole('grid', { name: 'Databases' })).toBeTruthy()
  })

  it('refuses what is no address before it asks anybody', async () => {
    const bridge = show(STATES.welcome())
    await typeAddress('two words')
    expect(screen.getByText(/This is not an address/)).toBeTruthy()
    expect(bridge.asksOf('login.look')).toEqual([])
  })

  it.each(['https://prod.example.com/web/login', 'prod.example.com', 'prod.example.com:3080', '[::1]:3080'])(
    'looks at %s as it was typed',
    async address => {
      const bridge = show(STATES.welcome(), { 'login.look': () => form('password') })
      await typeAddress(` ${address} `)
      expect(await screen.findByLabelText('Password')).toBeTruthy()
      expect(bridge.asksOf('login.look')).toEqual([{ proxy: address }])
    },
  )

  it('offers clusters that somebody signed in to before', async () => {
    const bridge = show(
      { ...EMPTY_STATE, profiles: [aProfile(), aProfile({ proxy: 'eu.example.com:443', cluster: 'eu.example.com', expired: true })] },
      { 'login.look': () => form('password') },
    )
    fireEvent.click(await screen.findByRole('button', { name: 'Use' }))
    expect(bridge.asksOf('profile.use')).toEqual([{ proxy: PROXY }])
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    expect((await screen.findByLabelText<HTMLInputElement>('User name')).value).toBe('alice')
  })

  it('says that the state cannot be read, and tries again', async () => {
    let broken = true
    show(STATES.welcome(), {
      'state.read': () => {
        if (broken) throw new PorticoError('app/bug', { why: 'no answer' })
        return { revision: 1, state: EMPTY_STATE }
      },
    })
    expect(await screen.findByRole('heading', { name: 'Portico cannot show its state' })).toBeTruthy()
    broken = false
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByRole('heading', { name: 'Connect to your cluster' })).toBeTruthy()
  })
})

describe('sign in', () => {
  useLayout()

  it('sends user and password, and no code where none is asked for', async () => {
    const bridge = show(STATES.welcome(), { 'login.look': () => form('password'), 'login.submit': () => aProfile() })
    await typeAddress('prod.example.com')
    await screen.findByLabelText('Password')
    expect(screen.queryByLabelText('One-time code')).toBeNull()
    fill('User name', ' alice ')
    fill('Password', ' spaces stay ')
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    await waitFor(() =>
      expect(bridge.asksOf('login.submit')).toEqual([{ proxy: 'prod.example.com', user: 'alice', password: ' spaces stay ' }]),
    )
  })

  it('takes a pasted code with its space, and digits only', async () => {
    show(STATES.welcome(), { 'login.look': () => form('password-and-code') })
    await typeAddress('prod.example.com')
    const code = await screen.findByLabelText<HTMLInputElement>('One-time code')
    expect(code.autocomplete).toBe('one-time-code')
    fill('One-time code', '12a3 45678')
    expect(code.value).toBe('123456')
  })

  it('says in words that a sign-in was refused, keeps the user and drops the code', async () => {
    show(STATES.welcome(), {
      'login.look': () => form('password-and-code'),
      'login.submit': () => {
        throw new PorticoError('login/refused')
      },
    })
    await typeAddress('prod.example.com')
    await screen.findByLabelText('Password')
    fill('User name', 'alice')
    fill('Password', 'wrong')
    fill('One-time code', '123456')
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    expect((await screen.findByRole('alert')).textContent).toContain('Sign-in was refused. The user name, password or code is wrong.')
    expect(screen.getByLabelText<HTMLInputElement>('User name').value).toBe('alice')
    expect(screen.getByLabelText<HTMLInputElement>('One-time code').value).toBe('')
  })

  it('asks for a code once the cluster says that it wants one', async () => {
    show(STATES.welcome(), {
      'login.look': () => form('password'),
      'login.submit': () => {
        throw new PorticoError('login/code-needed', { proxy: PROXY })
      },
    })
    await typeAddress('prod.example.com')
    await screen.findByLabelText('Password')
    fill('User name', 'alice')
    fill('Password', 'right')
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    expect(await screen.findByLabelText('One-time code')).toBeTruthy()
  })

  it('says what a cluster wants that is not supported', async () => {
    show(STATES.welcome(), { 'login.look': () => form('unsupported', 'single sign-on (github)') })
    await typeAddress('prod.example.com')
    expect((await screen.findByRole('alert')).textContent).toContain('prod.example.com asks for single sign-on (github).')
  })

  it('says why a proxy cannot be reached, and looks again', async () => {
    let off = true
    show(STATES.welcome(), {
      'login.look': () => {
        if (off) throw new PorticoError('proxy/unreachable', { proxy: PROXY, why: 'the name is not known' })
        return form('password')
      },
    })
    await typeAddress('prod.example.com')
    expect((await screen.findByRole('alert')).textContent).toContain(
      'Cannot reach prod.example.com:443. The name is not known. Check the address and your network.',
    )
    off = false
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByLabelText('Password')).toBeTruthy()
  })

  it('shows the fingerprint of an unknown authority, and goes on only with a file that was chosen', async () => {
    let chosen = false
    const bridge = show(STATES.welcome(), {
      'login.look': ({ trust }) => {
        if (trust !== true) throw new PorticoError('proxy/untrusted', { proxy: PROXY, fingerprint: 'ab12cd', issuer: 'Example Root' })
        return form('password')
      },
      'trust.choose': () => ({ chosen }),
    })
    await typeAddress('https://prod.example.com:3080/')
    const alert = await screen.findByRole('alert')
    expect(alert.textContent).toContain('prod.example.com:3080 is not known to this computer')
    expect(alert.textContent).toContain('AB:12:CD')
    expect(alert.textContent).toContain('Example Root')
    const choose = (): void => void fireEvent.click(screen.getByRole('button', { name: 'Choose a file to trust…' }))
    choose()
    await waitFor(() => expect(bridge.asksOf('trust.choose')).toHaveLength(1))
    expect(bridge.asksOf('login.look')).toEqual([{ proxy: 'https://prod.example.com:3080/' }])
    chosen = true
    await waitFor(() => screen.getByRole('button', { name: 'Choose a file to trust…' }))
    choose()
    expect(await screen.findByLabelText('Password')).toBeTruthy()
    expect(bridge.asksOf('login.look')).toEqual([
      { proxy: 'https://prod.example.com:3080/' },
      { proxy: 'https://prod.example.com:3080/', trust: true },
    ])
  })

  it('says when a file cannot be used or does not help', async () => {
    let readable = false
    show(STATES.welcome(), {
      'login.look': () => {
        throw new PorticoError('proxy/untrusted', { proxy: PROXY, fingerprint: 'ab12cd', why: '"X" signed it' })
      },
      'trust.choose': () => {
        if (!readable) throw new PorticoError('usage/invalid', { why: 'notes.txt holds no certificate in PEM form' })
        return { chosen: true }
      },
    })
    await typeAddress('prod.example.com')
    fireEvent.click(await screen.findByRole('button', { name: 'Choose a file to trust…' }))
    expect(await screen.findByText(/notes\.txt holds no certificate in PEM form/i)).toBeTruthy()
    readable = true
    fireEvent.click(screen.getByRole('button', { name: 'Choose a file to trust…' }))
    expect(await screen.findByText('The file that you chose does not vouch for this certificate.')).toBeTruthy()
  })

  it('forgets an answer for an address that was left', async () => {
    const answers: (() => void)[] = []
    show(STATES.welcome(), { 'login.look': () => new Promise(resolve => void answers.push(() => resolve(form('password')))) })
    await typeAddress('slow.example.com')
    fireEvent.click(screen.getByRole('button', { name: 'Back' }))
    await act(async () => answers.shift()!())
    expect(screen.queryByLabelText('Password')).toBeNull()
    expect(screen.getByLabelText('Address of your cluster')).toBeTruthy()
  })
})
