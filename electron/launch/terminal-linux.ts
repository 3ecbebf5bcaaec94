import { basename, isAbsolute } from 'node:path'
import { findProgram, mayRun } from './find-program.ts'
import type { Machine } from './machine.ts'
import type { TerminalStart, TerminalWish } from './terminal.ts'

/** What stands between a terminal's name and the command that it is to run. */
const TERMINALS: Readonly<Record<string, readonly string[]>> = {
  'x-terminal-emulator': ['-e'],
  'gnome-terminal': ['--'],
  kgx: ['--'],
  ptyxis: ['--'],
  konsole: ['-e'],
  'xfce4-terminal': ['-x'],
  'mate-terminal': ['-x'],
  kitty: [],
  foot: [],
  alacritty: ['-e'],
  wezterm: ['start', '--'],
  xterm: ['-e'],
}

/** A client that failed leaves its last words on the screen. The command comes as arguments: nothing is quoted, nothing can be cut short. */
const STAY = '"$@"; code=$?; [ "$code" = 0 ] || { printf "\\n%s ended with %s. Press Enter. " "$0" "$code"; read -r _; }; exit "$code"'

export async function terminalLinux({ words, variables, terminal }: TerminalWish, { env }: Machine): Promise<TerminalStart | undefined> {
  const path = terminal === null ? await firstFound(env) : await named(terminal, env)
  if (path === undefined) return undefined
  // A terminal that runs as a service has not our environment: env(1) brings the variables along.
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const command = ['/bin/sh', '-c', STAY, basename(words[0] ?? ''), '/usr/bin/env', ...settings, ...words]
  return { words: [path, ...(TERMINALS[basename(path)] ?? ['-e']), ...command], files: [] }
}

async function firstFound(env: Machine['env']): Promise<string | undefined> {
  for (const name of Object.keys(TERMINALS)) {
    const path = await findProgram(name, env, 'linux')
    if (path !== undefined) return path
  }
  return undefined
}

async function named(terminal: string, env: Machine['env']): Promise<string | undefined> {
  if (!isAbsolute(terminal)) return findProgram(terminal, env, 'linux')
  return (await mayRun(terminal, false)) ? terminal : undefined
}
