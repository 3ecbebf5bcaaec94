import { app, session, type WebContents } from 'electron'
import { isOurUrl } from './our-page.ts'
import type { Log } from '../log/log.ts'

/** Every page, also one that we never meant to open: no navigation away, no new windows, no webviews. */
export function hardenPages(log: Log): void {
  app.on('web-contents-created', (_event, page) => hardenPage(page, log))
}

function hardenPage(page: WebContents, log: Log): void {
  page.setWindowOpenHandler(({ url }) => {
    log.warn('window.open-refused', { url })
    return { action: 'deny' }
  })
  const stay = (event: { preventDefault(): void }, url: string): void => {
    if (isOurUrl(url)) return
    event.preventDefault()
    log.warn('window.navigation-refused', { url })
  }
  page.on('will-navigate', event => stay(event, event.url))
  page.on('will-redirect', event => stay(event, event.url))
  page.on('will-frame-navigate', event => stay(event, event.url))
  page.on('will-attach-webview', event => event.preventDefault())
}

/** A page of ours needs no camera, no location, no notifications of its own. The clipboard goes through us. */
export function denyPermissions(): void {
  session.defaultSession.setPermissionRequestHandler((_page, _permission, answer) => answer(false))
  session.defaultSession.setPermissionCheckHandler(() => false)
  session.defaultSession.setDevicePermissionHandler(() => false)
}
