import { Dialog } from 'radix-ui'
import { useState, type FormEvent } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import type { CodeWanted } from '../../../shared/state.ts'
import { useAsk } from '../../engine.ts'
import { Button } from '../../parts/Button.tsx'
import { FailureCallout } from '../../parts/Callout.tsx'
import { CodeField } from '../../parts/CodeField.tsx'
import { IconButton } from '../../parts/IconButton.tsx'
import { shown, text } from '../../words.ts'
import css from './SignInDialog.module.css'
import form from './SignInForm.module.css'

interface CodeDialogProps {
  readonly tunnel: { readonly id: string; readonly name: string; readonly waiting: number }
  readonly wanted: CodeWanted
  /** Put off: the tunnel goes on waiting. */
  readonly onLater: () => void
}

const words = text.code

/** The one-time code that confirms the session of one tunnel, for all of its connections. It closes when the tunnel waits no more. */
export function CodeDialog({ tunnel, wanted, onLater }: CodeDialogProps) {
  const ask = useAsk()
  const [code, setCode] = useState('')
  const [failure, setFailure] = useState<Failure | null>(null)
  const problem = failure ?? wanted.refused

  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setFailure(null)
    // One that is refused works no second time.
    setCode('')
    void ask('tunnel.code', { tunnel: tunnel.id, code }, setFailure)
  }

  return (
    <Dialog.Root open onOpenChange={open => !open && onLater()}>
      <Dialog.Portal>
        <Dialog.Overlay className={css['overlay']} />
        <Dialog.Content className={css['dialog']}>
          <header className={css['head']}>
            <Dialog.Title className={css['title']}>{words.title(shown(tunnel.name))}</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton icon="close" label={text.close} />
            </Dialog.Close>
          </header>
          <Dialog.Description className={css['lead']}>{words.lead(tunnel.waiting)}</Dialog.Description>
          <form className={form['form']} onSubmit={submit}>
            {problem !== null && <FailureCallout failure={problem} />}
            <CodeField label={text.signIn.code} hint={text.signIn.codeHint} value={code} autoFocus onText={setCode} />
            <Button look="primary" type="submit" wide disabled={wanted.checking}>
              {wanted.checking ? words.checking : words.go}
            </Button>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
