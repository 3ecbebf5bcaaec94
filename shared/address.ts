/** A host and a TCP port. IPv6 hosts are kept without brackets. */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * Reads what people type or servers announce: `https://host/…`, `host`, `host:port`, `[::1]:port`, `:port`.
 * @returns undefined when it is no address.
 */
export function parseAddress(text: string, defaultPort: number): Address | undefined {
  const bare = text
    .trim()
    .replace(/^https?:\/\//i, '')
    .replace(/[/?#].*$/s, '')
  const found = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]@]*))(?::(\d{1,5}))?$/.exec(bare) ?? /^([0-9a-fA-F:]*::?[0-9a-fA-F:.]*)()()$/.exec(bare)
  if (found === null) return undefined
  const host = found[1] ?? found[2] ?? ''
  const port = found[3] === undefined || found[3] === '' ? defaultPort : Number(found[3])
  return host === '' || port < 1 || port > 65_535 ? undefined : { host, port }
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
