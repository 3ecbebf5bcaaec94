/** What a client of the proxy's SSH server may ask for. wire/ssh-kube-app.md 1.1 */
export type Subsystem =
  | { readonly kind: 'sites' }
  /** The auth service of a cluster. */
  | { readonly kind: 'auth'; readonly cluster: string }
  /** `port` 0 = any; `cluster` '' = that of the certificate. */
  | { readonly kind: 'node'; readonly host: string; readonly port: number; readonly cluster: string }
  /** `why` '' = refused without a word. */
  | { readonly kind: 'refused'; readonly why: string }

const PREFIX = 'proxy:'
const LIMIT = 1_024

/** Teleport: lib/srv/regular/proxy.go parseProxySubsysRequest [captured: fixtures ssh/transcripts/sub-*] */
export function parseSubsystem(name: string): Subsystem {
  if (name === 'proxysites') return { kind: 'sites' }
  const target = name.slice(PREFIX.length)
  if (!name.startsWith(PREFIX) || name.length > LIMIT || target.trim() === '') return { kind: 'refused', why: '' }
  const format = { kind: 'refused', why: `invalid format for proxy request: "${name}", expected 'proxy:host:port@cluster'` } as const
  const [where = '', ...after] = target.split('@')
  // Between host and cluster a namespace may stand: there is one only.
  const cluster = after.at(-1) ?? ''
  if (after.length > 2 || (after.length > 0 && cluster === '')) return format
  if (where === '') return after.length === 1 ? { kind: 'auth', cluster } : format
  const colon = where.lastIndexOf(':')
  const host = where.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, '$1')
  const port = where.slice(colon + 1)
  if (host === '' || !/^\d{0,5}$/.test(port) || Number(port) > 65_535) return format
  return { kind: 'node', host, port: Number(port), cluster }
}
