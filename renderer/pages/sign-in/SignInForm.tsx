import { useRef, useState, type FormEvent } from 'react'
import { Button } from '../../parts/Button.tsx'
import { FailureCallout } from '../../parts/Callout.tsx'
import { CodeField } from '../../parts/CodeField.tsx'
import { TextField } from '../../parts/TextField.tsx'
import { shown, text } from '../../words.ts'
import css from './SignInForm.module.css'
import { TrustFile } from './TrustFile.tsx'
import { useSignIn } from './use-sign-in.ts'

interface SignInFormProps {
  readonly proxy: string
  /** Who signed in last. */
  readonly user?: string
  readonly onDone: () => void
}

const words = text.signIn

/** What one cluster asks for, from the first look to the answer. */
export function SignInForm({ proxy, user: lastUser = '', onDone }: SignInFormProps) {
  const { at, look, chooseTrust, submit } = useSignIn(proxy)
  const [user, setUser] = useState(lastUser)
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const formRef = useRef<HTMLFormElement>(null)

  const onSubmit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    if (await submit({ user: user.trim(), password, code })) {
      onDone()
      return
    }
    // A one-time code works once; the password is more often right than wrong.
    setCode('')
    formRef.current?.querySelector<HTMLInputElement>('input[type=password]')?.select()
  }

  switch (at.step) {
    case 'looking':
      return (
        <p className={css['looking']} role="status">
          {text.welcome.looking}
        </p>
      )
    case 'untrusted':
      return <TrustFile proxy={proxy} failure={at.failure} problem={at.problem} onChoose={chooseTrust} />
    case 'unreachable':
      return (
        <div className={css['form']}>
          <FailureCallout failure={at.failure} />
          <Button wide onClick={look}>
            {text.tryAgain}
          </Button>
        </div>
      )
    case 'form':
      if (at.form.kind === 'unsupported') {
        return (
          <div className={css['form']} role="alert">
            <p className={css['wants']}>{words.unsupported(shown(at.form.cluster), shown(at.form.wants))}.</p>
            <p>{words.unsupportedNext}</p>
          </div>
        )
      }
      return (
        <form ref={formRef} className={css['form']} onSubmit={event => void onSubmit(event)}>
          {at.refused !== null && <FailureCallout failure={at.refused} />}
          <TextField
            label={words.user}
            value={user}
            autoFocus={lastUser === ''}
            required
            maxLength={256}
            autoComplete="username"
            onText={setUser}
          />
          <TextField
            label={words.password}
            type="password"
            value={password}
            autoFocus={lastUser !== ''}
            required
            maxLength={1024}
            autoComplete="current-password"
            onText={setPassword}
          />
          {at.form.kind === 'password-and-code' && <CodeField label={words.code} hint={words.codeHint} value={code} onText={setCode} />}
          <Button look="primary" type="submit" wide disabled={at.sending}>
            {at.sending ? words.going : words.go}
          </Button>
        </form>
      )
  }
}
