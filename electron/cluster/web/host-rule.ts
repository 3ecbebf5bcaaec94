import { isIP } from 'node:net'
import { formatAddress, type Address } from '../../../shared/address.ts'

/** `host`, `host:port`, `[v6]:port` without its port. */
function hostOf(header: string): string {
  return /^\[([^\]]+)\]/.exec(header)?.[1] ?? header.replace(/:\d*$/, '')
}

/**
 * A Host header that is none of the proxy's names is taken for an application and sent to the launcher, whatever the path.
 * @returns where to, or undefined when the request is for the proxy itself. wire/webapi.md 1 [captured]
 */
export function launcherFor(header: string | undefined, url: URL, publicAddresses: readonly Address[]): string | undefined {
  if (header === undefined || header === '') return undefined
  const host = hostOf(header).toLowerCase()
  if (host === 'localhost' || isIP(host) !== 0 || publicAddresses.some(address => address.host.toLowerCase() === host)) return undefined
  const proxy = formatAddress(publicAddresses[0] ?? { host: 'localhost', port: 443 })
  const query = url.search === '' ? '' : `&query=${encodeURIComponent(url.search.slice(1))}`
  return `https://${proxy}/web/launch/${encodeURIComponent(host)}?path=${encodeURIComponent(url.pathname)}${query}`
}
