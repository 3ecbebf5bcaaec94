import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Found, LocalProgram, Peer } from './peer-owner.ts'

interface Seen extends LocalProgram {
  readonly uid: number
}

/**
 * `lsof -F pcun` prints a line for each: `p<pid>` `c<command>` `u<uid>` for a process, then `f<fd>` and
 * `n127.0.0.1:54321->127.0.0.1:24017` for each of its sockets. man lsof, OUTPUT FOR OTHER PROGRAMS
 * @returns by `client port>server port`
 */
export function parseConnections(text: string): ReadonlyMap<string, Seen> {
  const seen = new Map<string, Seen>()
  let [pid, uid, program] = [0, -1, 'unknown']
  for (const line of text.split('\n')) {
    const value = line.slice(1)
    if (line.startsWith('p')) [pid, uid, program] = [Number(value), -1, 'unknown']
    else if (line.startsWith('u')) uid = Number(value)
    else if (line.startsWith('c')) program = value
    else if (line.startsWith('n')) {
      const [, client, server] = /:(\d+)->\S*:(\d+)$/.exec(value) ?? []
      if (server !== undefined) seen.set(`${client}>${server}`, { pid, uid, program })
    }
  }
  return seen
}

const TIMEOUT_MS = 3_000
const MAX_BYTES = 4 * 1024 * 1024

export async function lookUpDarwin(peers: readonly Peer[]): Promise<readonly (Found | undefined)[]> {
  const ports = [...new Set(peers.map(({ clientPort }) => clientPort))].join(',')
  const { stdout } = await promisify(execFile)('/usr/sbin/lsof', ['-nP', `-iTCP:${ports}`, '-FpcuPn'], {
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_BYTES,
  }).catch((error: { code?: unknown; stdout?: string }) => {
    // 1 = nothing found.
    if (error.code === 1) return { stdout: error.stdout ?? '' }
    throw error
  })
  const seen = parseConnections(stdout)
  const me = process.getuid!()
  return peers.map(({ clientPort, serverPort }) => {
    const found = seen.get(`${clientPort}>${serverPort}`)
    if (found === undefined) return undefined
    const { pid, program, uid } = found
    return { isOurs: uid === me, program: async () => ({ pid, program }) }
  })
}
