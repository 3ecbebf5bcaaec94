import { PorticoError } from '../../../shared/errors.ts'

/** Where a transport channel leads. wire/router-config.md 5.2 */
export interface DialRequest {
  /** `host:port` or a special name; may be empty when `serverId` is set. */
  readonly address: string
  /** `<host uuid>.<cluster>`; empty = whoever serves `address`. */
  readonly serverId: string
  /** `node`, `app`, `kube`, `db`, … */
  readonly connectionType: string
  /** `ip:port` of the client and of what it connected to; empty = not told. */
  readonly clientSource: string
  readonly clientDestination: string
}

/** More is no address. */
const LIMIT = 16 * 1024
const DEFAULT_TYPE = 'node'

const malformed = (why: string): PorticoError => new PorticoError('wire/malformed', { why })

export function encodeDialRequest(request: DialRequest, version: string): Buffer {
  const { address, serverId, connectionType, clientSource, clientDestination } = request
  const fields = {
    address,
    server_id: serverId,
    conn_type: connectionType,
    teleport_version: version,
    client_src_addr: clientSource,
    client_dst_addr: clientDestination,
  }
  return Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))), 'utf8')
}

/** What is not JSON is an address: so old peers write. @throws PorticoError wire/malformed */
export function decodeDialRequest(payload: Buffer): DialRequest {
  if (payload.length === 0 || payload.length > LIMIT) throw malformed('a dial request is empty or too long')
  const text = payload.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = { address: text }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('a dial request is no object')
  const given = value as Readonly<Record<string, unknown>>
  const field = (name: string): string => {
    const found = Object.hasOwn(given, name) ? given[name] : ''
    if (typeof found !== 'string') throw malformed(`${name} of a dial request is no text`)
    return found
  }
  const request = {
    address: field('address'),
    serverId: field('server_id'),
    connectionType: field('conn_type') || DEFAULT_TYPE,
    clientSource: field('client_src_addr'),
    clientDestination: field('client_dst_addr'),
  }
  if (request.address === '' && request.serverId === '') throw malformed('a dial request says neither address nor server')
  return request
}
