import { readFile, readdir, readlink } from 'node:fs/promises'
import type { PortHolder } from './port-holder.ts'

const LISTEN = '0A'

/** Socket inodes of the listeners on `port`, from the text of /proc/net/tcp or tcp6. man 5 proc_pid_net */
export function listeningInodes(table: string, port: number): readonly string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(columns => columns[1]?.endsWith(wanted) === true && columns[3] === LISTEN)
    .map(columns => columns[9]!)
}

const orEmpty = <T>(reading: Promise<T>, empty: T): Promise<T> => reading.catch(() => empty)

export async function findHolderLinux(port: number): Promise<PortHolder | undefined> {
  const tables = await Promise.all(['tcp', 'tcp6'].map(name => orEmpty(readFile(`/proc/net/${name}`, 'latin1'), '')))
  const sockets = new Set(tables.flatMap(table => listeningInodes(table, port)).map(inode => `socket:[${inode}]`))
  if (sockets.size === 0) return undefined
  for (const name of await readdir('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    // Processes of other users and those that just ended cannot be read: skipped.
    const descriptors = await orEmpty(readdir(`/proc/${pid}/fd`), [])
    const links = await Promise.all(descriptors.map(fd => orEmpty(readlink(`/proc/${pid}/fd/${fd}`), '')))
    if (!links.some(link => sockets.has(link))) continue
    return { pid, program: (await orEmpty(readFile(`/proc/${pid}/comm`, 'utf8'), 'unknown')).trim() }
  }
  return undefined
}
