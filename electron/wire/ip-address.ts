/** Text and bytes of IP addresses; no names, no zones, no ports. RFC 4291 2.2, RFC 5952. */

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

export function isIpv4(text: string): boolean {
  return IPV4.test(text)
}

export function isIpv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2 || text.length > 45) return false
  const groups = halves.flatMap(half => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1)
  const dotted = last !== undefined && last.includes('.')
  if (dotted && (!isIpv4(last) || text.endsWith('::'))) return false
  const hex = dotted ? groups.slice(0, -1) : groups
  const count = hex.length + (dotted ? 2 : 0)
  return hex.every(group => /^[0-9a-f]{1,4}$/i.test(group)) && (halves.length === 2 ? count < 8 : count === 8)
}

/** @param bytes 4 of them */
export function formatIpv4(bytes: Uint8Array): string {
  return bytes.join('.')
}

/**
 * An address inside `::ffff:0:0/96` is an IPv4 client of a socket that takes both, and is shown as such.
 * @param bytes 16 of them
 */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes[index * 2]! * 256 + bytes[index * 2 + 1]!)
  if (groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff) return formatIpv4(bytes.subarray(12))
  const text = groups.map(group => group.toString(16))
  const { start, length } = longestZeros(groups)
  return length < 2 ? text.join(':') : `${text.slice(0, start).join(':')}::${text.slice(start + length).join(':')}`
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length += 1
    if (length > best.length) best = { start, length }
  }
  return best
}
