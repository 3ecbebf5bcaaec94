import { PorticoError } from '../../shared/errors.ts'
import { hasUnprintable, replaceUnprintable } from '../../shared/printable.ts'

/** Which shell a printed line is for. */
export type Shell = 'posix' | 'powershell'

export function shellOf(platform: NodeJS.Platform): Shell {
  return platform === 'win32' ? 'powershell' : 'posix'
}

/**
 * One word of a command line, which the shell reads back as exactly `value`.
 * @throws PorticoError `usage/invalid` for a value that no program can be given
 */
export function quoteWord(value: string, shell: Shell): string {
  if (value.includes('\0')) throw new PorticoError('usage/invalid', { why: 'a name with a NUL character cannot be given to a program' })
  return shell === 'posix' ? posixWord(value) : powershellWord(value)
}

function posixWord(value: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(value) && !value.startsWith('=')) return value
  if (!hasUnprintable(value)) return `'${value.replaceAll("'", `'\\''`)}'`
  // $'…' of bash, zsh, ksh and POSIX 2024: UTF-8 bytes in octal, which every one of them reads alike (\x takes more digits in some).
  const parts = replaceUnprintable(value.replace(/[\\']/g, '\\$&'), character =>
    [...Buffer.from(character, 'utf8')].map(byte => `\\${byte.toString(8).padStart(3, '0')}`).join(''),
  )
  return `$'${parts}'`
}

function powershellWord(value: string): string {
  if (/^[A-Za-z0-9_+=:./\\-]+$/.test(value) && !value.startsWith('-')) return value
  if (!hasUnprintable(value)) return `'${value.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`
  const parts = replaceUnprintable(value.replace(/[`"$\u201c\u201d\u201e]/g, '`$&'), character => `$([char]${character.charCodeAt(0)})`)
  return `"${parts}"`
}

/** A line for a person to copy. @param variables set for this command; in PowerShell they stay set, it has no other way */
export function commandLine(words: readonly string[], shell: Shell, variables: Readonly<Record<string, string>> = {}): string {
  const line = words.map(word => quoteWord(word, shell)).join(' ')
  if (shell === 'posix') return [...Object.entries(variables).map(([name, value]) => `${name}=${quoteWord(value, shell)}`), line].join(' ')
  // PowerShell takes a quoted first word for a string, not a command.
  return [...environmentLines(variables, shell), /^['"]/.test(line) ? `& ${line}` : line].join('; ')
}

/** Lines that set environment variables in `shell`. Names are ours and plain. */
export function environmentLines(variables: Readonly<Record<string, string>>, shell: Shell): readonly string[] {
  return Object.entries(variables).map(([name, value]) => {
    if (shell === 'posix') return `export ${name}=${quoteWord(value, shell)}`
    const word = quoteWord(value, shell)
    return `$env:${name} = ${/^['"]/.test(word) ? word : `'${word}'`}`
  })
}
