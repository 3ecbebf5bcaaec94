import { commandLine, environmentLines } from './quote.ts'
import type { TerminalStart, TerminalWish } from './terminal.ts'

/** Terminal.app and iTerm run `.command` files; it goes away as soon as it is read. */
export function terminalDarwin({ words, variables, terminal }: TerminalWish): TerminalStart {
  const lines = ['#!/bin/sh', 'rm -f -- "$0"', ...environmentLines(variables, 'posix'), `exec ${commandLine(words, 'posix')}`]
  return {
    words: ['/usr/bin/open', '-a', terminal ?? 'Terminal', '{folder}/connect.command'],
    files: [{ path: 'connect.command', content: `${lines.join('\n')}\n` }],
  }
}
