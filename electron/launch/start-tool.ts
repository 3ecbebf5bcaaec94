import { spawn } from 'node:child_process'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { PorticoError } from '../../shared/errors.ts'
import type { ToolFile } from './tool.ts'

/** A program that ends with an error within this time did not start. */
const SETTLE_MS = 1500
const IMPORT_MS = 60_000
const WORDS_LIMIT = 2000

/**
 * Writes a tool's files, 0600 in a folder that is 0700; those that macOS runs are 0700.
 * @returns whether one of them changed
 */
export async function writeToolFiles(folder: string, files: readonly ToolFile[]): Promise<boolean> {
  let changed = false
  for (const { path, content } of files) {
    const target = join(folder, path)
    if ((await readFile(target, 'utf8').catch(() => undefined)) === content) continue
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await writeFile(target, content, { mode: 0o600 })
    if (path.endsWith('.command')) await chmod(target, 0o700)
    changed = true
  }
  return changed
}

/** So that what could not be read is written again the next time. */
export async function forgetToolFiles(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}

export function inFolder(words: readonly string[], folder: string): readonly string[] {
  return words.map(word => word.replace('{folder}', () => folder))
}

/**
 * Starts a program that outlives us. Resolves when it runs, or ended well.
 * @throws PorticoError `tool/failed` with what it said
 */
export function startTool(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  platform = process.platform,
): Promise<void> {
  return run(words, env, SETTLE_MS, { detached: platform !== 'win32', stays: true })
}

/** Runs a program to its end. @throws PorticoError `tool/failed` */
export function runTool(words: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<void> {
  return run(words, env, IMPORT_MS, { detached: false, stays: false })
}

function run(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  waitMs: number,
  { detached, stays }: { readonly detached: boolean; readonly stays: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    // What makes our Electron a Node would do so to a tool that is built on Electron.
    const { ELECTRON_RUN_AS_NODE: _node, ...plain } = env
    const child = spawn(program, args, {
      env: plain,
      detached,
      stdio: ['ignore', 'ignore', stays ? 'ignore' : 'pipe'],
      windowsHide: !stays,
    })
    child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-WORDS_LIMIT)))
    const settle = (failure?: string): void => {
      clearTimeout(timer)
      child.unref()
      if (failure === undefined) resolve()
      else reject(new PorticoError('tool/failed', { tool: basename(program), why: failure }))
    }
    const timer = setTimeout(() => {
      if (!stays) child.kill()
      settle(stays ? undefined : 'it took too long')
    }, waitMs)
    child.once('error', error => settle('code' in error ? String(error.code) : error.message))
    child.once('exit', code => settle(code === 0 ? undefined : said.trim() || `it ended with ${code ?? 'a signal'}`))
  })
}
