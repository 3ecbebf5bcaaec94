import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Start at login on Linux: a `.desktop` file, since no desktop offers more in common. freedesktop.org: Autostart 0.5, Desktop Entry 1.5 */

export interface AutostartOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly userHome: string
  /** Program and arguments. */
  readonly command: readonly string[]
}

/** One a home: another PORTICO_HOME is another app. */
export function autostartFile({ env, userHome }: Pick<AutostartOptions, 'env' | 'userHome'>): string {
  const config = env['XDG_CONFIG_HOME']
  const folder = join(config?.startsWith('/') === true ? config : join(userHome, '.config'), 'autostart')
  const home = env['PORTICO_HOME']
  return join(folder, home ? `portico-${createHash('sha256').update(home).digest('hex').slice(0, 8)}.desktop` : 'portico.desktop')
}

/** Writes the file, or removes it. Idempotent. @throws what the file system says */
export function setAutostart(on: boolean, options: AutostartOptions): void {
  const file = autostartFile(options)
  if (!on) return rmSync(file, { force: true })
  const home = options.env['PORTICO_HOME']
  const command = home ? ['env', `PORTICO_HOME=${home}`, ...options.command] : options.command
  const text = `[Desktop Entry]
Type=Application
Name=Portico
Comment=Databases behind one TLS port, on ordinary local addresses
Exec=${command.map(quoteExec).join(' ')}
Terminal=false
X-GNOME-Autostart-enabled=true
`
  if (readText(file) === text) return
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(file, text)
}

/** Quoted for Exec, then for a string of the file: two rules, one after the other. */
export function quoteExec(word: string): string {
  const plain = /^[\w./:=@+,-]+$/.test(word)
  const quoted = plain ? word : `"${word.replace(/["`$\\]/g, '\\$&')}"`
  return quoted.replaceAll('\\', '\\\\').replaceAll('%', '%%').replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
