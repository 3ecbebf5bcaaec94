import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogEntry } from '../../shared/state.ts'
import type { LogLevel } from './open-log.ts'
import { redactValue } from './redact.ts'
import { numbered, ROTATION } from './rotating-file.ts'

/** Reads the log of a home. Whoever wrote a line, secrets are removed once more: what is read here is shown, copied and sent to others. */

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
const BLOCK = 64 * 1024
/** Lines of ours are shorter by far; of a longer one nothing is kept. */
const MAX_LINE = 256 * 1024

/** Newest file first. */
export function logFiles(folder: string): readonly string[] {
  return Array.from({ length: ROTATION.files }, (_, n) => numbered(join(folder, 'portico.log'), n))
}

/** The newest `limit` entries at or above `level`, oldest first. What is missing or no entry is passed over. */
export async function readLog(folder: string, { limit, level }: { readonly limit: number; readonly level: LogLevel }): Promise<LogEntry[]> {
  const least = LEVELS.indexOf(level)
  const entries: LogEntry[] = []
  for (const path of logFiles(folder)) {
    for await (const line of linesFromEnd(path)) {
      const entry = parseEntry(line)
      if (entry === undefined || LEVELS.indexOf(entry.level) < least) continue
      if (entries.push(entry) === limit) return entries.toReversed()
    }
  }
  return entries.toReversed()
}

/** @returns undefined for what is no line of our log */
export function parseEntry(line: string): LogEntry | undefined {
  let found: unknown
  try {
    found = JSON.parse(line)
  } catch {
    return undefined // cut short by a full disk, or written by somebody else
  }
  const { level, time, event, process: _pid, ...facts } = Object(found) as Record<string, unknown>
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (!LEVELS.includes(level as LogLevel) || Number.isNaN(at) || typeof event !== 'string') return undefined
  return { at, level: level as LogLevel, event: event.slice(0, 200), facts: redactValue(facts) as Record<string, unknown> }
}

/** Whole lines of a file, last one first. A file that is not there has none. */
async function* linesFromEnd(path: string): AsyncGenerator<string> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r').catch(() => undefined)
    if (file === undefined) return
    let position = (await file.stat()).size
    /** What stands before the first line break of the blocks read so far. */
    let rest = Buffer.alloc(0)
    while (position > 0) {
      const length = Math.min(BLOCK, position)
      position -= length
      const block = Buffer.alloc(length)
      const { bytesRead } = await file.read(block, 0, length, position)
      const text = Buffer.concat([block.subarray(0, bytesRead), rest])
      let end = text.length
      for (;;) {
        const at = end === 0 ? -1 : text.lastIndexOf(10, end - 1)
        if (at < 0) break
        if (end - at > 1) yield text.toString('utf8', at + 1, end)
        end = at
      }
      rest = text.subarray(0, end)
      if (rest.length > MAX_LINE) rest = Buffer.alloc(0)
    }
    if (rest.length > 0) yield rest.toString('utf8')
  } finally {
    await file?.close()
  }
}
