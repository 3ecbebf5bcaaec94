import { app, clipboard, nativeTheme } from 'electron'
import type { Log } from '../log/log.ts'
import { followState, type Core } from './follow-state.ts'
import { applyLoginItem, startsHidden } from './login-item.ts'
import { notifySignIn } from './notify.ts'
import type { OneWindow } from './one-window.ts'
import { mayQuit, stayWithoutWindow } from './stay.ts'
import { hasTrayPlace } from './tray-place.ts'
import { openTray } from './tray.ts'
import type { TrayAction } from './tray-menu.ts'

export interface DesktopOptions {
  readonly core: Core
  readonly window: OneWindow
  readonly log: Log
  /** Our folder of the home. */
  readonly folder: string
  readonly trayIcon: string
  /** What the app was started with. */
  readonly words: readonly string[]
}

export interface Desktop {
  /** Asks first when connections are open. */
  quit(): void
  /** Whether this start shows no window. */
  readonly hidden: boolean
  close(): void
}

/** Everything of ours on the desktop besides the window: tray, notifications, login item, theme, and life without the window. */
export async function openDesktop({ core, window, log, folder, trayIcon, words }: DesktopOptions): Promise<Desktop> {
  const followed = await followState(core)
  const failed = (event: string) => (thrown: unknown) => log.warn(event, {}, thrown)

  const quit = (): void => {
    mayQuit(followed.state).then(yes => yes && app.quit(), failed('quit.dialog-failed'))
  }
  const act = (action: TrayAction): void => {
    switch (action.do) {
      case 'open-window':
        return window.show()
      case 'copy':
        return void Promise.resolve(clipboard.writeText(action.text)).catch(failed('tray.copy'))
      case 'start':
        // Why it did not start is in its row, and some of it only a person can answer.
        return void core.answers['tunnel.start']({ resource: action.resource }).catch((thrown: unknown) => {
          failed('tray.start')(thrown)
          window.show()
        })
      case 'stop':
        return void core.answers['tunnel.stop']({ tunnel: action.tunnel }).catch(failed('tray.stop'))
      case 'quit':
        return quit()
    }
  }

  let closeTray: (() => void) | undefined
  const hasTray = async (): Promise<boolean> => {
    if (closeTray === undefined && (await hasTrayPlace(process.platform, process.env)))
      closeTray ??= openTray({ followed, icon: trayIcon, platform: process.platform, act })
    return closeTray !== undefined
  }
  if (!(await hasTray())) log.info('tray.none')

  let settings = followed.state.settings
  const applySettings = (): void => {
    nativeTheme.themeSource = settings.theme
    applyLoginItem(settings, log)
  }
  applySettings()
  const stops = [
    followed.onChange(() => {
      if (followed.state.settings === settings) return
      settings = followed.state.settings
      applySettings()
    }),
    notifySignIn({ followed, isLookedAt: () => window.isLookedAt, openWindow: () => window.show() }),
    stayWithoutWindow({ followed, log, folder, hasTray, hasWindow: () => window.current() !== undefined }),
  ]
  return {
    quit,
    hidden: startsHidden(words, settings),
    close() {
      for (const stop of stops) stop()
      closeTray?.()
      followed.close()
    },
  }
}
