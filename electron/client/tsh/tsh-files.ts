import { readdir, readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Nothing that tsh writes is nearly as long. */
const LIMIT = 1024 * 1024

type Environment = Readonly<Record<string, string | undefined>>

/** Where tsh keeps its logins. wire/profile-dir.md 1 */
export function tshHome(env: Environment): string {
  const named = env['TELEPORT_HOME']
  return named === undefined || named === '' ? join(homedir(), '.tsh') : named
}

/** @returns undefined for what is not there, not to be read, or no file of tsh's */
export async function readText(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() && found.size <= LIMIT ? await readFile(path, 'utf8') : undefined
  } catch {
    return undefined
  }
}

/** The first of several that is there: newer versions of tsh have other names. */
export async function readFirst(...paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readText(path)
    if (text !== undefined) return text
  }
  return undefined
}

export async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(() => [])).sort()
}

/** Names from the files lead to other files: none may lead out of the folder. */
export function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name)
}
