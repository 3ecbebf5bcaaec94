import { dirname, isAbsolute, join } from 'node:path'
import { findProgram, mayRun } from './find-program.ts'
import type { FoundTool } from './find-tool.ts'
import type { Machine } from './machine.ts'

/** Where Flatpak, Snap and JetBrains' Toolbox put commands, whether PATH names these folders or not. */
const folders = (userHome: string): readonly string[] => [
  '/var/lib/flatpak/exports/bin',
  join(userHome, '.local/share/flatpak/exports/bin'),
  '/snap/bin',
  join(userHome, '.local/share/JetBrains/Toolbox/scripts'),
]

export async function findToolLinux(names: readonly string[], { env, userHome }: Machine): Promise<FoundTool | undefined> {
  for (const name of names) {
    const path = isAbsolute(name) ? await runnable(name) : ((await findProgram(name, env, 'linux')) ?? (await exported(name, userHome)))
    if (path !== undefined) return { withArguments: [path], withUrl: [path], folder: dirname(path) }
  }
  return undefined
}

async function exported(name: string, userHome: string): Promise<string | undefined> {
  for (const folder of folders(userHome)) {
    const path = await runnable(join(folder, name))
    if (path !== undefined) return path
  }
  return undefined
}

const runnable = async (path: string): Promise<string | undefined> => ((await mayRun(path, false)) ? path : undefined)
