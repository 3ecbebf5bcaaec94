import { PorticoError } from '../../shared/errors.ts'
import type { Machine } from './machine.ts'
import { terminalDarwin } from './terminal-darwin.ts'
import { terminalLinux } from './terminal-linux.ts'
import { terminalWindows } from './terminal-windows.ts'
import type { ToolFile } from './tool.ts'

export interface TerminalWish {
  /** The client, absolute, and its arguments. */
  readonly words: readonly string[]
  /** Set for the client besides the user's own environment. */
  readonly variables: Readonly<Record<string, string>>
  /** The program of the settings; null = found by itself. */
  readonly terminal: string | null
}

/** What is run, and the files that it needs. `{folder}` in the words stands for the folder of these. */
export interface TerminalStart {
  readonly words: readonly string[]
  readonly files: readonly ToolFile[]
}

/** @throws PorticoError `tool/not-found` when the system has no terminal that Portico knows */
export async function openInTerminal(wish: TerminalWish, machine: Machine): Promise<TerminalStart> {
  const found =
    machine.platform === 'win32'
      ? terminalWindows(wish, machine)
      : machine.platform === 'darwin'
        ? terminalDarwin(wish)
        : await terminalLinux(wish, machine)
  if (found === undefined)
    throw new PorticoError('tool/not-found', {
      tool: wish.terminal ?? 'a terminal',
      next: 'name one in the settings (terminal)',
    })
  return found
}
