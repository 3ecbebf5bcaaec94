import { Dialog } from 'radix-ui'
import type { Profile } from '../../../shared/state.ts'
import { IconButton } from '../../parts/IconButton.tsx'
import { shown, text } from '../../words.ts'
import css from './SignInDialog.module.css'
import { SignInForm } from './SignInForm.tsx'

interface SignInDialogProps {
  readonly profile: Profile
  /** Connections that go on once somebody is signed in. */
  readonly waiting: number
  readonly onClose: () => void
}

export function SignInDialog({ profile, waiting, onClose }: SignInDialogProps) {
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
          <Dialog.Description className={css['lead']}>{text.signIn.againLead(waiting)}</Dialog.Description>
          <SignInForm proxy={profile.proxy} user={profile.user} onDone={onClose} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
