import { BlockList, isIP } from 'node:net'

/** `::ffff:10.0.0.1`, as sockets that listen on both families show IPv4. */
const plainAddress = (address: string): string => (/^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address).replace(/%.*$/, '')

/** @param list addresses and CIDR ranges between commas, as in `source-address`. A range that cannot be read matches nothing. */
export function isAddressIn(address: string, list: string): boolean {
  const plain = plainAddress(address)
  const family = isIP(plain)
  if (family === 0) return false
  const ranges = new BlockList()
  for (const range of list.split(',')) {
    const [network = '', bits] = range.trim().split('/')
    const itsFamily = isIP(network)
    if (itsFamily === 0) continue
    const most = itsFamily === 4 ? 32 : 128
    if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most)) continue
    ranges.addSubnet(network, bits === undefined ? most : Number(bits), itsFamily === 4 ? 'ipv4' : 'ipv6')
  }
  return ranges.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}
