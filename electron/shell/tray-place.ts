import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Whether this system shows tray icons. macOS and Windows always do; a Linux desktop only when a watcher for them is on the session bus. */

const ANSWER_MS = 2_000
const WATCHER = 'org.kde.StatusNotifierWatcher'
const BUS = 'org.freedesktop.DBus'

/** The same question for whichever program is there. */
const ASKERS: readonly (readonly [program: string, ...args: string[]])[] = [
  ['gdbus', 'call', '--session', '--timeout=2', '-d', BUS, '-o', '/org/freedesktop/DBus', '-m', `${BUS}.NameHasOwner`, WATCHER],
  ['dbus-send', '--session', '--print-reply', `--dest=${BUS}`, '/org/freedesktop/DBus', `${BUS}.NameHasOwner`, `string:${WATCHER}`],
  ['busctl', '--user', 'call', BUS, '/org/freedesktop/DBus', BUS, 'NameHasOwner', 's', WATCHER],
]

export async function hasTrayPlace(platform: NodeJS.Platform, env: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  if (platform !== 'linux') return true
  const runtime = env['XDG_RUNTIME_DIR']
  // Without a bus these programs would start one.
  if (!env['DBUS_SESSION_BUS_ADDRESS'] && !(runtime && existsSync(join(runtime, 'bus')))) return false
  for (const [program, ...args] of ASKERS) {
    const answer = await ask(program, args)
    if (answer !== undefined) return /\btrue\b/.test(answer)
  }
  return false
}

/** @returns undefined when the program is not there */
function ask(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise(resolve => {
    execFile(program, args, { timeout: ANSWER_MS, maxBuffer: 64 * 1024 }, (error, stdout) => {
      resolve(error?.code === 'ENOENT' ? undefined : stdout)
    })
  })
}
