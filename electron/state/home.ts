import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PorticoError } from '../../shared/errors.ts'
import { diskError } from './atomic-file.ts'

/** Every path of ours on this machine, from PORTICO_HOME or the system's convention. design.md 9 */
export interface Home {
  readonly root: string
  readonly stateFile: string
  readonly settingsFile: string
  readonly vault: string
  /** What passthrough clients must read in clear (0700). */
  readonly files: string
  readonly logs: string
  readonly lab: string
  /**
   * Makes the folder for unix sockets (0700) unless it is there: the same path each time. Whole socket paths stay ≤ 100 bytes.
   * @returns undefined on Windows
   * @throws PorticoError `state/unwritable`
   */
  makeSocketFolder(): string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** A unix socket's path may hold 103 bytes (macOS); `/.s.PGSQL.65535` and a little more must still fit. */
const MAX_SOCKET_FOLDER = 80

/**
 * Finds the home and makes its folder, for the owner only.
 * @throws PorticoError `state/unwritable`, `state/disk-full`
 */
export function openHome(env: Environment, platform: NodeJS.Platform, userHome: string = homedir()): Home {
  const root = homeRoot(env, platform, userHome)
  makePrivate(root)
  let sockets: string | undefined
  return {
    root,
    stateFile: join(root, 'state.json'),
    settingsFile: join(root, 'settings.yaml'),
    vault: join(root, 'vault'),
    files: join(root, 'files'),
    logs: join(root, 'logs'),
    lab: join(root, 'lab'),
    makeSocketFolder() {
      if (platform === 'win32') return undefined
      if (sockets === undefined || !isPrivateFolder(sockets)) sockets = socketFolder(env, root)
      return sockets
    },
  }
}

export function homeRoot(env: Environment, platform: NodeJS.Platform, userHome: string): string {
  const chosen = env['PORTICO_HOME']
  if (chosen !== undefined && chosen !== '') return resolve(chosen)
  if (platform === 'win32') return join(env['APPDATA'] || join(userHome, 'AppData', 'Roaming'), 'Portico')
  if (platform === 'darwin') return join(userHome, 'Library', 'Application Support', 'Portico')
  const config = env['XDG_CONFIG_HOME']
  // The XDG specification: a relative path is invalid and must be ignored.
  return join(config?.startsWith('/') === true ? config : join(userHome, '.config'), 'portico')
}

/** Makes a folder of the home, readable by its owner only. */
export function makePrivate(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw diskError(error, path)
  }
}

function socketFolder(env: Environment, root: string): string {
  const name = `portico-${createHash('sha256').update(root).digest('hex').slice(0, 10)}`
  const runtime = env['XDG_RUNTIME_DIR']
  const places = [...(runtime?.startsWith('/') === true ? [runtime] : []), tmpdir(), '/tmp']
  for (const place of places) {
    const path = join(place, name)
    if (Buffer.byteLength(path) <= MAX_SOCKET_FOLDER && isPrivateFolder(path)) return path
  }
  // Somebody else sits on our name in a shared folder: another one then, found by nobody but us.
  const path = join('/tmp', `${name}-${randomBytes(6).toString('hex')}`)
  if (isPrivateFolder(path)) return path
  throw new PorticoError('state/unwritable', { path, why: 'no private folder for sockets could be made' })
}

/** In a shared folder anybody may have made that name: it must be a real folder, ours, and closed to others. */
function isPrivateFolder(path: string): boolean {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const there = lstatSync(path)
    if (!there.isDirectory() || there.uid !== process.getuid?.()) return false
    if ((there.mode & 0o077) !== 0) chmodSync(path, 0o700)
    return true
  } catch {
    return false
  }
}
