import type { Address } from '../../shared/address.ts'
import { formatIpv4, formatIpv6, isIpv4, isIpv6 } from './ip-address.ts'

/**
 * The PROXY protocol of load balancers, both versions. haproxy.org/download/2.9/doc/proxy-protocol.txt; wire/router-config.md 2.3.
 * Teleport 13 closes on TCP6, UNKNOWN and every TLV; those are taken here.
 */
export type ReadProxyHeader =
  | { readonly state: 'more' }
  | {
      readonly state: 'header'
      /** Bytes of the header; what follows is the client's. */
      readonly length: number
      /** Who connected to whom, out there; undefined = the balancer speaks for itself (LOCAL), or does not know (UNKNOWN). */
      readonly source: Address | undefined
      readonly destination: Address | undefined
    }
  | { readonly state: 'refused'; readonly why: string }

/** A v1 line with its CRLF: section 2.1 there. */
const LINE_LIMIT = 107
/** A v2 header with everything. A signed one of Teleport's (certificate and token in a TLV) has about 2 KiB. */
export const PROXY_HEADER_LIMIT = 8_192

const MAGIC = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const HEAD = 16

const MORE: ReadProxyHeader = { state: 'more' }
const refused = (why: string): ReadProxyHeader => ({ state: 'refused', why })
const header = (length: number, source?: Address, destination?: Address): ReadProxyHeader => ({
  state: 'header',
  length,
  source,
  destination,
})

/** Reads the header that `bytes` begin with; give it everything that has come so far. */
export function readProxyHeader(bytes: Uint8Array): ReadProxyHeader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return buffer[0] === MAGIC[0] ? readBinary(buffer) : readLine(buffer)
}

function readLine(buffer: Buffer): ReadProxyHeader {
  const end = buffer.subarray(0, LINE_LIMIT).indexOf('\r\n')
  if (end < 0) return buffer.length < LINE_LIMIT ? MORE : refused('PROXY line without end')
  const [word, family, ...rest] = buffer.toString('latin1', 0, end).split(' ')
  if (word !== 'PROXY') return refused('malformed PROXY line')
  if (family === 'UNKNOWN') return header(end + 2)
  const fits = family === 'TCP4' ? isIpv4 : family === 'TCP6' ? isIpv6 : undefined
  const [from, to, fromPort, toPort] = rest
  if (fits === undefined || from === undefined || to === undefined || !fits(from) || !fits(to)) return refused('malformed PROXY line')
  const [sourcePort, destinationPort] = [portOf(fromPort), portOf(toPort)]
  if (sourcePort === undefined || destinationPort === undefined || rest.length > 4) return refused('malformed PROXY line')
  return header(end + 2, { host: from, port: sourcePort }, { host: to, port: destinationPort })
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65_535 ? port : undefined
}

function readBinary(buffer: Buffer): ReadProxyHeader {
  if (!MAGIC.subarray(0, buffer.length).equals(buffer.subarray(0, MAGIC.length))) return refused('malformed PROXY header')
  if (buffer.length < HEAD) return MORE
  const [version, command] = [buffer[12]! >> 4, buffer[12]! & 0x0f]
  if (version !== 2 || command > 1) return refused('unknown PROXY command')
  const length = HEAD + buffer.readUInt16BE(14)
  if (length > PROXY_HEADER_LIMIT) return refused('PROXY header too long')
  if (buffer.length < length) return MORE
  if (command === 0) return header(length)
  const size = buffer[13] === 0x11 ? 4 : buffer[13] === 0x21 ? 16 : buffer[13] === 0 ? 0 : undefined
  if (size === undefined) return refused('PROXY header of another family')
  const addresses = size === 0 ? 0 : size * 2 + 4
  if (HEAD + addresses > length || !areTlvs(buffer.subarray(HEAD + addresses, length))) return refused('malformed PROXY header')
  if (size === 0) return header(length)
  const format = size === 4 ? formatIpv4 : formatIpv6
  const at = (index: number): Address => ({
    host: format(buffer.subarray(HEAD + index * size, HEAD + (index + 1) * size)),
    port: buffer.readUInt16BE(HEAD + size * 2 + index * 2),
  })
  return header(length, at(0), at(1))
}

/** Type, length, value, to the very end. What they say is not asked: a signature (0xe4) by another proxy proves nothing to us. */
function areTlvs(bytes: Buffer): boolean {
  let at = 0
  while (at + 3 <= bytes.length) at += 3 + bytes.readUInt16BE(at + 1)
  return at === bytes.length
}
