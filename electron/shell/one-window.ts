import type { BrowserWindow } from 'electron'
import { pageAt, type DeepLink } from './deep-link.ts'
import { focusWindow, openWindow, type WindowOptions } from './window.ts'

/** The one window, which comes and goes while the tunnels stay. */
export interface OneWindow {
  current(): BrowserWindow | undefined
  /** Opens it, or brings it to the front. @param link what to show in it */
  show(link?: DeepLink): void
  readonly isLookedAt: boolean
}

export function oneWindow(options: WindowOptions): OneWindow {
  let window: BrowserWindow | undefined
  return {
    current: () => window,
    show(link) {
      if (window !== undefined) {
        focusWindow(window)
        // Another fragment of the same page: nothing is loaded anew.
        if (link !== undefined) void window.loadURL(pageAt(link)).catch((thrown: unknown) => options.log.warn('window.link', {}, thrown))
        return
      }
      const opened = openWindow(options, pageAt(link))
      window = opened
      opened.once('closed', () => {
        if (window === opened) window = undefined
      })
    },
    get isLookedAt() {
      return window?.isFocused() === true
    },
  }
}
