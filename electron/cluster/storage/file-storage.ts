import { createHash, randomUUID } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PorticoError } from '../../../shared/errors.ts'
import { NO_LOG, type Log } from '../../log/log.ts'
import { openMemoryStorage } from './memory-storage.ts'
import type { Item, Storage } from './storage.ts'

export interface FileStorageOptions {
  readonly log?: Log
  readonly now?: () => number
}

const ENDING = '.json'

/**
 * One file a key, each written beside its place, flushed and renamed: after a power cut a key has its old value or its new one.
 * One process owns the folder. A file that is torn or not ours is set aside as `.bad` and told in the log.
 * @throws PorticoError state/unwritable, state/disk-full
 */
export async function openFileStorage(folder: string, options: FileStorageOptions = {}): Promise<Storage> {
  const { log = NO_LOG, now = Date.now } = options
  const items: Item[] = []
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    if (process.platform !== 'win32') await chmod(folder, 0o700)
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      if (name.endsWith('.tmp')) await unlink(path)
      else if (name.endsWith(ENDING)) {
        const item = readItem(await readFile(path, 'utf8'), name)
        if (item === undefined) {
          await rename(path, `${path}.bad`)
          log.warn('storage.bad-file', { path })
        } else items.push(item)
      }
    }
  } catch (thrown) {
    throw asStateError(thrown, folder)
  }
  return openMemoryStorage({
    items,
    now,
    persist: async (key, item) => {
      const path = join(folder, fileName(key))
      try {
        if (item === undefined) await unlink(path)
        else await writeWhole(path, JSON.stringify(item), folder)
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' || item !== undefined) throw asStateError(thrown, path)
      }
    },
    onSweepFailure: thrown => log.warn('storage.sweep-failed', { folder }, thrown),
  })
}

/** Names that every file system takes and keeps apart: capitals and odd characters are escaped, long names end in a hash. */
export function fileName(key: string): string {
  const escaped = encodeURIComponent(key).replace(/%[0-9A-F]{2}|[A-Z!~*'().]/g, found =>
    found.length === 3 ? found.toLowerCase() : `%${found.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  const safe = /^(con|prn|aux|nul|com\d|lpt\d)$/.test(escaped) ? `%${escaped.charCodeAt(0).toString(16)}${escaped.slice(1)}` : escaped
  const short = safe.length <= 180 ? safe : `${safe.slice(0, 100)}-${createHash('sha256').update(key).digest('hex')}`
  return short + ENDING
}

function readItem(text: string, name: string): Item | undefined {
  try {
    const found = JSON.parse(text) as Partial<Item> | null
    const { key, value, revision, expires } = found ?? {}
    if (typeof key !== 'string' || fileName(key) !== name || value === undefined || !/^\d{1,15}$/.test(String(revision))) return undefined
    if (expires !== undefined && typeof expires !== 'number') return undefined
    return { key, value, revision: String(revision), ...(expires === undefined ? {} : { expires }) }
  } catch {
    return undefined
  }
}

async function writeWhole(path: string, text: string, folder: string): Promise<void> {
  const beside = `${path}.${randomUUID()}.tmp`
  try {
    const file = await open(beside, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await renameOver(beside, path)
  } catch (thrown) {
    await unlink(beside).catch(() => undefined)
    throw thrown
  }
  if (process.platform === 'win32') return // folders cannot be flushed there
  const entry = await open(folder, 'r')
  try {
    await entry.sync()
  } finally {
    await entry.close()
  }
}

/** Windows refuses for a moment while a virus scanner looks at the old file. */
async function renameOver(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await rename(from, to)
    } catch (thrown) {
      const { code = '' } = thrown as NodeJS.ErrnoException
      if (attempt === 5 || !['EPERM', 'EACCES', 'EBUSY'].includes(code)) throw thrown
      await sleep(20 * attempt)
    }
  }
}

function asStateError(thrown: unknown, path: string): PorticoError {
  const { code } = thrown as NodeJS.ErrnoException
  return new PorticoError(code === 'ENOSPC' || code === 'EDQUOT' ? 'state/disk-full' : 'state/unwritable', { path }, thrown)
}
