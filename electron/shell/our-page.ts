/** Where our one page lives. Its origin is `portico://window`. */
export const PAGE_SCHEME = 'portico'
export const PAGE_HOST = 'window'
export const PAGE_URL = `${PAGE_SCHEME}://${PAGE_HOST}/index.html`

/** What of a frame decides whether it may ask. */
export interface Frame {
  readonly url: string
  readonly frameTreeNodeId: number
}

/** Only the top frame of our window, and only while it shows our own page. */
export function isOurFrame(sender: Frame | null | undefined, top: Frame | undefined): boolean {
  if (!sender || !top || sender.frameTreeNodeId !== top.frameTreeNodeId) return false
  return isOurUrl(sender.url)
}

export function isOurUrl(url: string): boolean {
  return url === `${PAGE_SCHEME}://${PAGE_HOST}` || url.startsWith(`${PAGE_SCHEME}://${PAGE_HOST}/`)
}
