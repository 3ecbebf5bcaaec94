import { win32 } from 'node:path'
import type { Machine } from './machine.ts'
import { commandLine, environmentLines } from './quote.ts'
import type { TerminalStart, TerminalWish } from './terminal.ts'

/** A console of its own, whatever our streams are; PowerShell reads the command in base64, which no layer between can misread. */
export function terminalWindows({ words, variables, terminal }: TerminalWish, { env }: Machine): TerminalStart {
  const system = win32.join(env['SystemRoot'] ?? 'C:\\Windows', 'System32')
  const script = [...environmentLines(variables, 'powershell'), commandLine(words, 'powershell')].join('\n')
  const shell = [win32.join(system, 'WindowsPowerShell\\v1.0\\powershell.exe'), '-NoExit', '-EncodedCommand', utf16Base64(script)]
  return { words: [terminal ?? win32.join(system, 'conhost.exe'), ...shell], files: [] }
}

const utf16Base64 = (text: string): string => Buffer.from(text, 'utf16le').toString('base64')
