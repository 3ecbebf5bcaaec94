import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Found, LocalProgram, Peer } from './peer-owner.ts'

interface Seen extends LocalProgram {
  readonly isOurs: boolean
}

/**
 * A line of {@link script} is `client port>server port`, pid, SID of its owner (empty where the system does not tell: the process of
 * somebody else) and name, with tabs between; the first line is our own SID.
 */
export function parseOwners(text: string): ReadonlyMap<string, Seen> {
  const [me = '', ...lines] = text.split(/\r?\n/)
  const seen = new Map<string, Seen>()
  for (const line of lines) {
    const [ports, pid, sid, program] = line.split('\t')
    if (ports === undefined || pid === undefined || program === undefined) continue
    seen.set(ports, { pid: Number(pid), program, isOurs: me !== '' && sid === me })
  }
  return seen
}

/** Numbers only are put in. */
const script = (ports: readonly number[]): string =>
  [
    `$ErrorActionPreference = 'SilentlyContinue'`,
    `[System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value`,
    `$owners = @{}`,
    `foreach ($c in Get-NetTCPConnection -LocalPort ${ports.join(',')}) {`,
    `  $id = $c.OwningProcess`,
    `  if (-not $owners.ContainsKey($id)) {`,
    `    $p = Get-CimInstance Win32_Process -Filter "ProcessId=$id"`,
    `    $owners[$id] = @((Invoke-CimMethod -InputObject $p -MethodName GetOwnerSid).Sid, $p.Name)`,
    `  }`,
    '  "$($c.LocalPort)>$($c.RemotePort)`t$id`t$($owners[$id][0])`t$($owners[$id][1])"',
    `}`,
  ].join('\n')

const TIMEOUT_MS = 10_000
const MAX_BYTES = 4 * 1024 * 1024

export async function lookUpWindows(peers: readonly Peer[]): Promise<readonly (Found | undefined)[]> {
  const ports = [...new Set(peers.map(({ clientPort }) => clientPort))]
  const { stdout } = await promisify(execFile)(
    'powershell.exe',
    ['-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-Command', script(ports)],
    { timeout: TIMEOUT_MS, maxBuffer: MAX_BYTES, windowsHide: true },
  )
  const seen = parseOwners(stdout)
  return peers.map(({ clientPort, serverPort }) => {
    const found = seen.get(`${clientPort}>${serverPort}`)
    if (found === undefined) return undefined
    const { pid, program, isOurs } = found
    return { isOurs, program: async () => ({ pid, program }) }
  })
}
