import { Dialog } from 'radix-ui'
import { useState } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import type { Profile } from '../../../shared/state.ts'
import { useAsk, useSlice } from '../../engine.ts'
import { Button } from '../../parts/Button.tsx'
import { FailureCallout } from '../../parts/Callout.tsx'
import { IconButton } from '../../parts/IconButton.tsx'
import { shown, text } from '../../words.ts'
import css from './SignInDialog.module.css'
import { SignInForm } from './SignInForm.tsx'

interface SignInDialogProps {
  readonly profile: Profile
  /** Connections that go on once somebody is signed in; null while the session still runs. */
  readonly waiting: number | null
  readonly onClose: () => void
}

export function SignInDialog({ profile, waiting, onClose }: SignInDialogProps) {
  const lab = useSlice('lab')
  // Decided once: signing in to the lab passes through other states.
  const [isLab] = useState(lab.state === 'running' && lab.proxy === profile.proxy)
  return (
    <Dialog.Root open onOpenChange={open => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className={css['overlay']} />
        <Dialog.Content
          className={css['dialog']}
          onOpenAutoFocus={event => {
            // The form puts the focus where it is wanted, once it knows what the cluster asks for.
            event.preventDefault()
            if (event.currentTarget instanceof HTMLElement && !event.currentTarget.contains(document.activeElement))
              event.currentTarget.focus()
          }}
        >
          <header className={css['head']}>
            <Dialog.Title className={css['title']}>{text.signIn.title(shown(profile.cluster))}</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton icon="close" label={text.close} />
            </Dialog.Close>
          </header>
          <Dialog.Description className={css['lead']}>
            {waiting === null ? text.signIn.earlyLead : text.signIn.againLead(waiting)}
          </Dialog.Description>
          {isLab ? <LabSignIn onDone={onClose} /> : <SignInForm proxy={profile.proxy} user={profile.user} onDone={onClose} />}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

/** Nobody knows the passwords of a lab: Portico made them, and signs in with them. */
function LabSignIn({ onDone }: { readonly onDone: () => void }) {
  const ask = useAsk()
  const [going, setGoing] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const signIn = async (): Promise<void> => {
    setGoing(true)
    const done = await ask('lab.start', {}, setFailure)
    setGoing(false)
    if (done !== undefined) onDone()
  }
  return (
    <>
      {failure !== null && <FailureCallout failure={failure} />}
      <Button look="primary" wide autoFocus disabled={going} onClick={() => void signIn()}>
        {going ? text.signIn.going : text.signIn.goLab}
      </Button>
    </>
  )
}
