import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { app, dialog, Notification } from 'electron'
import type { AppState } from '../../shared/state.ts'
import type { Log } from '../log/log.ts'
import { counted, liveConnections, type FollowedState } from './follow-state.ts'
import { reasonToStay, wordsForStaying, type StayReason } from './stay-reason.ts'

export interface StayOptions {
  readonly followed: FollowedState
  readonly log: Log
  /** Where it is kept that the person knows. */
  readonly folder: string
  /** Whether the tray shows us. Asked each time: desktops start their panel late. */
  hasTray(): Promise<boolean>
  hasWindow(): boolean
}

/** What happens when the window was closed: nothing to the tunnels. Without tunnels and without a tray nobody could come back: then we quit. */
export function stayWithoutWindow({ followed, log, folder, hasTray, hasWindow }: StayOptions): () => void {
  /** Only tunnels keep us: the end of the last one is ours too. */
  let onlyForTunnels = false
  const closed = async (): Promise<void> => {
    const tray = await hasTray()
    if (hasWindow()) return
    const reason = reasonToStay(followed.state, tray)
    if (reason === undefined) return app.quit()
    onlyForTunnels = reason === 'tunnels'
    log.info('window.closed', { stays: reason })
    if (isFirstTime(folder)) tell(reason, followed.state, log)
  }
  const onClosed = (): void => void closed().catch((thrown: unknown) => log.error('window.stay', {}, thrown))
  app.on('window-all-closed', onClosed)
  const stop = followed.onChange(() => {
    if (!onlyForTunnels || hasWindow() || reasonToStay(followed.state, false) !== undefined) return
    onlyForTunnels = false
    app.quit()
  })
  return () => {
    stop()
    app.off('window-all-closed', onClosed)
  }
}

function tell(reason: StayReason, state: AppState, log: Log): void {
  const { title, body } = wordsForStaying(reason, state)
  // Where nothing else shows us, it must not pass unseen: Linux without a notification service loses what it is given.
  if (reason === 'tray' && state.settings.notifications && Notification.isSupported()) return new Notification({ title, body }).show()
  dialog
    .showMessageBox({ type: 'info', message: title, detail: body, buttons: ['OK'] })
    .catch((thrown: unknown) => log.warn('window.dialog-failed', {}, thrown))
}

function isFirstTime(folder: string): boolean {
  try {
    writeFileSync(join(folder, 'knows-it-stays'), '', { flag: 'wx', mode: 0o600 })
    return true
  } catch {
    return false
  }
}

/** Quit as a person means it. @returns false when they would rather keep what is open */
export async function mayQuit({ tunnels, engine }: Pick<AppState, 'tunnels' | 'engine'>): Promise<boolean> {
  const live = engine.host === 'app' ? liveConnections({ tunnels }) : 0
  if (live === 0) return true
  const { response } = await dialog.showMessageBox({
    type: 'question',
    message: `Quit Portico and end ${counted(live, 'connection')}?`,
    detail: 'Programs that are connected now lose their connection. Closing only the window keeps them.',
    buttons: ['Quit', 'Cancel'],
    defaultId: 1,
    cancelId: 1,
  })
  return response === 0
}
