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
  // `beforeunload` keeps no window open.
  page.on('will-prevent-unload', event => event.preventDefault())
  page.on('select-bluetooth-device', (event, _devices, choose) => {
    event.preventDefault()
    choose('')
  })
  // Peer connections answer to no policy of the page and would be a way out.
  page.setWebRTCIPHandlingPolicy('disable_non_proxied_udp')
}

/**
 * A page of ours needs no camera, no location, no notifications of its own, no downloads and no network. The clipboard goes through us.
 * @param mayDebug lets the developer tools load themselves
 */
export function denyEverythingElse(log: Log, mayDebug: boolean): void {
  const { webRequest } = session.defaultSession
  webRequest.onBeforeRequest(({ url }, answer) => {
    const cancel = !isOurUrl(url) && !(mayDebug && url.startsWith('devtools://'))
    if (cancel) log.warn('window.request-refused', { url: url.slice(0, 200) })
    answer({ cancel })
  })
  session.defaultSession.on('will-download', event => {
    event.preventDefault()
    log.warn('window.download-refused')
  })
  session.defaultSession.setPermissionRequestHandler((_page, _permission, answer) => answer(false))
  session.defaultSession.setPermissionCheckHandler(() => false)
  session.defaultSession.setDevicePermissionHandler(() => false)
}
