import { access, constants, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Where a program is, as the shell would find it.
 * @returns its absolute path, or undefined when PATH has none that this user may run
 */
export async function findProgram(
  name: string,
  env: Environment,
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  const windows = platform === 'win32'
  const endings = windows ? (env['PATHEXT'] ?? '.COM;.EXE;.BAT;.CMD').split(';') : ['']
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter)
  for (const folder of folders) {
    // An empty or relative entry means the current folder: a program there is not one that the user installed.
    if (!isAbsolute(folder)) continue
    for (const ending of endings) {
      const path = join(folder, name + ending.toLowerCase())
      if (await mayRun(path, windows)) return path
    }
  }
  return undefined
}

/** @param windows where being there is all that can be known */
export async function mayRun(path: string, windows: boolean): Promise<boolean> {
  try {
    await access(path, windows ? constants.F_OK : constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** The first of several names that PATH has. */
export async function findFirstProgram(
  names: readonly string[],
  env: Environment,
  platform: NodeJS.Platform = process.platform,
): Promise<{ readonly name: string; readonly path: string } | undefined> {
  for (const name of names) {
    const path = await findProgram(name, env, platform)
    if (path !== undefined) return { name, path }
  }
  return undefined
}
