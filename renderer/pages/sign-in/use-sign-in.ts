import { useCallback, useEffect, useRef, useState } from 'react'
import type { LoginForm } from '../../../shared/contract.ts'
import type { Failure } from '../../../shared/errors.ts'
import { useAsk } from '../../engine.ts'

/** Where a sign-in stands. */
export type SignInStep =
  | { readonly step: 'looking' }
  /** `problem`: why the file that was chosen did not help. */
  | { readonly step: 'untrusted'; readonly failure: Failure; readonly problem: Failure | 'no-help' | null }
  | { readonly step: 'unreachable'; readonly failure: Failure }
  | { readonly step: 'form'; readonly form: LoginForm; readonly refused: Failure | null; readonly sending: boolean }

interface SignIn {
  readonly at: SignInStep
  readonly look: () => void
  readonly chooseTrust: () => Promise<void>
  /** @returns whether the person is signed in now */
  readonly submit: (login: { readonly user: string; readonly password: string; readonly code: string }) => Promise<boolean>
}

/** Looks at one proxy (a component with another one has another key), then sends what it asks for. A file chosen to trust is kept by the engine; the page only says that there is one. */
export function useSignIn(proxy: string): SignIn {
  const ask = useAsk()
  const [at, setAt] = useState<SignInStep>({ step: 'looking' })
  const trust = useRef(false)
  /** Answers of an earlier look are not for this one. */
  const turn = useRef(0)

  const failed = useCallback(
    (failure: Failure): void =>
      setAt(
        failure.code === 'proxy/untrusted'
          ? { step: 'untrusted', failure, problem: trust.current ? 'no-help' : null }
          : { step: 'unreachable', failure },
      ),
    [],
  )

  const begin = useCallback(async (): Promise<void> => {
    const mine = ++turn.current
    const form = await ask(
      'login.look',
      { proxy, ...(trust.current ? { trust: true } : {}) },
      failure => mine === turn.current && failed(failure),
    )
    if (form !== undefined && mine === turn.current) setAt({ step: 'form', form, refused: null, sending: false })
  }, [ask, failed, proxy])

  useEffect(() => {
    void begin()
    return () => void (turn.current += 1)
  }, [begin])

  const look = useCallback((): Promise<void> => {
    setAt({ step: 'looking' })
    return begin()
  }, [begin])

  const chooseTrust = useCallback(async (): Promise<void> => {
    const answer = await ask('trust.choose', { proxy }, problem => setAt(now => (now.step === 'untrusted' ? { ...now, problem } : now)))
    if (answer?.chosen !== true) return
    trust.current = true
    await look()
  }, [ask, look, proxy])

  const submit = useCallback(
    async ({ user, password, code }: { user: string; password: string; code: string }): Promise<boolean> => {
      if (at.step !== 'form') return false
      const { form } = at
      setAt({ step: 'form', form, refused: null, sending: true })
      const profile = await ask(
        'login.submit',
        { proxy, user, password, ...(code === '' ? {} : { code }), ...(trust.current ? { trust: true } : {}) },
        failure => {
          if (failure.code === 'proxy/untrusted') failed(failure)
          else
            setAt({
              step: 'form',
              form: failure.code === 'login/code-needed' ? { ...form, kind: 'password-and-code' } : form,
              refused: failure,
              sending: false,
            })
        },
      )
      if (profile === undefined) setAt(now => (now.step === 'form' ? { ...now, sending: false } : now))
      return profile !== undefined
    },
    [ask, at, failed, proxy],
  )

  return { at, look: () => void look(), chooseTrust, submit }
}
