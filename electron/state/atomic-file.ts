import { randomBytes } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { dirname } from 'node:path'
import { PorticoError } from '../../shared/errors.ts'

/** What the system said about a disk, in our words. The one place that reads errno names of files. */
export function diskError(error: unknown, path: string): PorticoError {
  const errno = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return new PorticoError('state/disk-full', { path }, error)
  const why: Record<string, string> = {
    EROFS: 'the disk is read-only',
    EACCES: 'permission was denied',
    EPERM: 'permission was denied',
    ENOTDIR: 'a part of its path is not a folder',
    EEXIST: 'a file is in the way of a folder',
    EIO: 'the disk failed',
    EMFILE: 'too many files are open',
  }
  return new PorticoError('state/unwritable', { path, why: why[errno] ?? `the system refused (${errno || 'unknown'})` }, error)
}

/**
 * Replaces a file as a whole: readers see the old or the new content, also after a power cut. A failure keeps the old file.
 * @throws PorticoError `state/disk-full`, `state/unwritable`
 */
export async function writeFileAtomic(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  try {
    await fs.mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await fs.open(temporary, 'wx', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await renameOver(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {})
    throw diskError(error, path)
  }
}

/** Windows refuses to replace a file that a virus scanner or a reader holds for a moment. */
async function renameOver(from: string, to: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await fs.rename(from, to)
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code ?? ''
      if (process.platform !== 'win32' || attempt >= 10 || !['EPERM', 'EACCES', 'EBUSY'].includes(errno)) throw error
      await new Promise(done => setTimeout(done, 20))
    }
  }
}

/** Makes the rename itself durable, where folders can be synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, 'r').catch(() => undefined)
  if (folder === undefined) return
  await folder.sync().catch(() => {})
  await folder.close()
}

/** @returns undefined when there is no such file. @throws PorticoError `state/unwritable` when it is there but cannot be read */
export async function readFileIfThere(path: string, limit: number): Promise<string | undefined> {
  try {
    const file = await fs.open(path, 'r')
    try {
      const { size } = await file.stat()
      if (size > limit) throw new PorticoError('state/unwritable', { path, why: `it is larger than ${limit} bytes` })
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof PorticoError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw diskError(error, path)
  }
}

/**
 * Moves a file that makes no sense out of the way, numbered, so that nothing is ever thrown away or overwritten.
 * @returns where it lies now
 */
export async function setAside(path: string): Promise<string> {
  for (let n = 0; n < 1_000; n += 1) {
    const kept = n === 0 ? `${path}.bad` : `${path}.${n}.bad`
    try {
      // link() fails when the name is taken; rename() would overwrite it.
      await fs.link(path, kept)
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code
      if (errno === 'EEXIST') continue
      if (errno === 'ENOENT') throw diskError(error, path)
      await fs.copyFile(path, kept, fs.constants.COPYFILE_EXCL).catch((copyError: unknown) => {
        throw diskError(copyError, kept)
      })
    }
    await fs.rm(path)
    return kept
  }
  throw new PorticoError('state/unwritable', { path, why: 'there are too many .bad files beside it' })
}
