import { closeSync, openSync, read as readDescriptor } from 'node:fs'
import { isIPv4 } from 'node:net'
import { endianness } from 'node:os'
import { promisify } from 'node:util'
import type { Found, Peer } from './peer-owner.ts'
import { findProgram } from './socket-program-linux.ts'

export interface TableRow {
  readonly uid: number
  readonly inode: string
}

const isLittle = endianness() === 'LE'

/** As the kernel prints addresses: 32 bits at a time, in the machine's own order. net/ipv4/tcp_ipv4.c get_tcp4_sock */
function hexOf(bytes: Buffer): string {
  const words: string[] = []
  for (let at = 0; at < bytes.length; at += 4) {
    const word = isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
    words.push(word.toString(16).toUpperCase().padStart(8, '0'))
  }
  return words.join('')
}

const V4 = (address: string): Buffer => Buffer.from(address.split('.').map(Number))
const MAPPED = Buffer.from('00000000000000000000ffff', 'hex')
const LOOPBACK6 = Buffer.from('00000000000000000000000000000001', 'hex')

const endOf = (bytes: Buffer, port: number): string => `${hexOf(bytes)}:${port.toString(16).toUpperCase().padStart(4, '0')}`

/** How a connection stands in `tcp`, and in `tcp6` when its program has a socket of both families (Java's are). */
export function keysOf(peer: Peer): { readonly tcp: string | undefined; readonly tcp6: string } {
  const { clientAddress, clientPort, serverAddress, serverPort } = peer
  if (!isIPv4(serverAddress)) return { tcp: undefined, tcp6: `${endOf(LOOPBACK6, clientPort)} ${endOf(LOOPBACK6, serverPort)}` }
  const [client, server] = [V4(clientAddress), V4(serverAddress)]
  return {
    tcp: `${endOf(client, clientPort)} ${endOf(server, serverPort)}`,
    tcp6: `${endOf(Buffer.concat([MAPPED, client]), clientPort)} ${endOf(Buffer.concat([MAPPED, server]), serverPort)}`,
  }
}

/**
 * Finds rows of /proc/net/tcp or tcp6 by their two addresses. man 5 proc_pid_net
 * @param text whole lines
 * @param wanted is emptied of what is found
 */
export function findRows(text: string, wanted: Set<string>, found: Map<string, TableRow>): void {
  for (let from = 0; from < text.length && wanted.size > 0;) {
    const end = text.indexOf('\n', from)
    const start = text.indexOf(': ', from) + 2
    const next = end < 0 ? text.length : end + 1
    if (start > 1 && start < next) {
      const key = text.slice(start, text.indexOf(' ', text.indexOf(' ', start) + 1))
      // st tx:rx tr:when retrnsmt uid timeout inode
      if (wanted.delete(key)) {
        const columns = text.slice(start + key.length + 1, next).split(/ +/)
        found.set(key, { uid: Number(columns[4]), inode: columns[6] ?? '0' })
      }
    }
    from = next
  }
}

/** The kernel gives a page at a time, whatever is asked for. */
const PAGE = 4096
const read = promisify(readDescriptor)

/** Reads no further than it must: a line costs the kernel some 3 µs, and closed connections stay in the table for a minute. */
async function search(name: 'tcp' | 'tcp6', wanted: Set<string>, found: Map<string, TableRow>): Promise<void> {
  if (wanted.size === 0) return
  const file = openSync(`/proc/net/${name}`, 'r')
  try {
    const page = Buffer.allocUnsafe(PAGE)
    for (let rest = ''; wanted.size > 0;) {
      const { bytesRead } = await read(file, page, 0, PAGE, null)
      if (bytesRead === 0) return
      const text = rest + page.toString('latin1', 0, bytesRead)
      const whole = text.lastIndexOf('\n') + 1
      findRows(text.slice(0, whole), wanted, found)
      rest = text.slice(whole)
    }
  } finally {
    closeSync(file)
  }
}

/** A machine without IPv6 has no such table. */
const search6 = (wanted: Set<string>, found: Map<string, TableRow>): Promise<void> =>
  search('tcp6', wanted, found).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)))

export async function lookUpLinux(peers: readonly Peer[]): Promise<readonly (Found | undefined)[]> {
  const keys = peers.map(keysOf)
  const found = new Map<string, TableRow>()
  const wanted = new Set(keys.flatMap(({ tcp }) => tcp ?? []))
  await search('tcp', wanted, found)
  const wanted6 = new Set(keys.flatMap(({ tcp, tcp6 }) => (tcp !== undefined && found.has(tcp) ? [] : [tcp6])))
  await search6(wanted6, found)
  const me = process.getuid!()
  return keys.map(({ tcp, tcp6 }) => {
    const row = (tcp === undefined ? undefined : found.get(tcp)) ?? found.get(tcp6)
    // A socket that its program closed already has inode 0, and belongs to root in this table, whoever had it.
    if (row === undefined || row.inode === '0') return undefined
    return { isOurs: row.uid === me, program: () => findProgram(row.inode) }
  })
}
