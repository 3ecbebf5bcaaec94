import { PorticoError } from '../../../shared/errors.ts'

/** The list of all proxies that an agent should hold a tunnel to. wire/router-config.md 4.4 */

const LIMIT = 1024 * 1024

/** @param proxies host ids */
export function encodeDiscovery(proxies: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify({ proxies: proxies.map(name => ({ version: 'v2', metadata: { name } })) }), 'utf8')
}

/** Old senders put whole resources into the list: only names count. @throws PorticoError wire/malformed */
export function decodeDiscovery(payload: Buffer): readonly string[] {
  const malformed = (): PorticoError => new PorticoError('wire/malformed', { why: 'a list of proxies cannot be read' })
  if (payload.length > LIMIT) throw malformed()
  let value: unknown
  try {
    value = JSON.parse(payload.toString('utf8'))
  } catch {
    throw malformed()
  }
  const proxies = (value as { proxies?: unknown } | null)?.proxies ?? []
  if (!Array.isArray(proxies)) throw malformed()
  return proxies.map(proxy => {
    const name = (proxy as { metadata?: { name?: unknown } } | null)?.metadata?.name
    if (typeof name !== 'string' || name === '') throw malformed()
    return name
  })
}
