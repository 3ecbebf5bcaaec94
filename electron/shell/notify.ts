import { Notification } from 'electron'
import { counted, waitingConnections, type FollowedState } from './follow-state.ts'

export interface NotifyOptions {
  readonly followed: FollowedState
  /** Whether somebody looks at the window now: the banner there says the same. */
  isLookedAt(): boolean
  openWindow(): void
}

/**
 * One notification when connections begin to wait for a sign-in while nobody looks; the next one only after none waited any more.
 * @returns its end
 */
export function notifySignIn({ followed, isLookedAt, openWindow }: NotifyOptions): () => void {
  let shown: Notification | undefined
  let told = false
  const look = (): void => {
    const { state } = followed
    const waiting = waitingConnections(state)
    if (waiting === 0) {
      told = false
      shown?.close()
      shown = undefined
      return
    }
    if (told || isLookedAt()) return
    told = true
    if (!state.settings.notifications || !Notification.isSupported()) return
    const cluster = state.session.state === 'none' ? 'your cluster' : state.session.profile.cluster
    // Kept: one that is collected does not hear its click.
    shown = new Notification({ title: `Sign in to ${cluster}`, body: `${counted(waiting, 'connection')} waiting until you sign in again.` })
    shown.on('click', openWindow)
    shown.show()
  }
  look()
  return followed.onChange(look)
}
