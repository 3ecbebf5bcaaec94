import { readdir } from 'node:fs/promises'
import { win32 } from 'node:path'
import { mayRun } from './find-program.ts'
import type { FoundTool } from './find-tool.ts'
import type { Machine } from './machine.ts'

export async function findToolWindows(paths: readonly string[], { env }: Machine): Promise<FoundTool | undefined> {
  const local = env['LOCALAPPDATA']
  const roots = [env['ProgramFiles'], env['ProgramFiles(x86)'], local, local === undefined ? undefined : win32.join(local, 'Programs')]
  for (const path of paths) {
    for (const root of roots) {
      if (root === undefined) continue
      for (const program of await expand(root, path.split('\\'))) {
        if (await mayRun(program, true)) return { withArguments: [program], withUrl: [program], folder: win32.dirname(program) }
      }
    }
  }
  return undefined
}

/** A part that ends in `*` stands for every folder that begins so, the newest version first. */
async function expand(folder: string, [part, ...rest]: readonly string[]): Promise<readonly string[]> {
  if (part === undefined) return [folder]
  if (!part.endsWith('*')) return expand(win32.join(folder, part), rest)
  const start = part.slice(0, -1)
  const names = await readdir(folder).catch(() => [])
  const matching = names.filter(name => name.startsWith(start)).sort((one, other) => other.localeCompare(one, 'en', { numeric: true }))
  return (await Promise.all(matching.map(name => expand(win32.join(folder, name), rest)))).flat()
}
