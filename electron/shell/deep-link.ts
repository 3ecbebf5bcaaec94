import { hasUnprintable } from '../../shared/printable.ts'
import { PAGE_SCHEME, PAGE_URL } from './our-page.ts'

/**
 * `portico://open/db/NAME?cluster=CLUSTER`, as anybody's page or mail may hold it: it names a resource to look at, and nothing else.
 * Portico never connects for a link.
 */
export interface DeepLink {
  readonly kind: 'db'
  readonly name: string
  /** The root or leaf it is in; absent = the one on show. */
  readonly cluster: string | undefined
}

const LONGEST_LINK = 2_048
const LONGEST_NAME = 256

/** @returns undefined for whatever is not exactly such a link */
export function readDeepLink(text: string): DeepLink | undefined {
  if (text.length > LONGEST_LINK || !text.startsWith(`${PAGE_SCHEME}://open/`)) return undefined
  const found = /^open\/db\/([^/?#]+)(?:\?cluster=([^&#]+))?$/.exec(text.slice(PAGE_SCHEME.length + 3))
  if (found === null) return undefined
  const name = decodeName(found[1]!)
  const cluster = found[2] === undefined ? undefined : decodeName(found[2])
  if (name === undefined || (found[2] !== undefined && cluster === undefined)) return undefined
  return { kind: 'db', name, cluster }
}

/** The link among the words that the app was started with. */
export function deepLinkIn(words: readonly string[]): DeepLink | undefined {
  const link = words.find(word => word.startsWith(`${PAGE_SCHEME}://`))
  return link === undefined ? undefined : readDeepLink(link)
}

/** What our page opens at: it reads its fragment. */
export function pageAt(link: DeepLink | undefined): string {
  if (link === undefined) return PAGE_URL
  const cluster = link.cluster === undefined ? '' : `?cluster=${encodeURIComponent(link.cluster)}`
  return `${PAGE_URL}#/db/${encodeURIComponent(link.name)}${cluster}`
}

function decodeName(encoded: string): string | undefined {
  try {
    const name = decodeURIComponent(encoded)
    return name.length <= LONGEST_NAME && name.trim() !== '' && !hasUnprintable(name) ? name : undefined
  } catch {
    return undefined
  }
}
