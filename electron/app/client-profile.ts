import { promises as fs } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { PorticoError } from '../../shared/errors.ts'
import type { ClientSection } from '../launch/client-section.ts'
import { checkSectionName, putSection, removeSection } from '../launch/ini-section.ts'
import { diskError, writeFileAtomic } from '../state/atomic-file.ts'
import { withLock } from '../state/lock.ts'

/** Files of the user's that clients read: written only when asked for, and never more of them than our own section. */

const LIMIT = 1024 * 1024

/** @throws PorticoError `usage/invalid`, `state/unwritable`, `state/disk-full` */
export async function writeSection({ path, section, lines }: ClientSection): Promise<void> {
  checkSectionName(section)
  await change(path, text => putSection(text, bytes(section), lines.map(bytes), path))
}

/** Idempotent; a section that somebody else wrote stays. @throws PorticoError `state/unwritable`, `state/disk-full` */
export async function eraseSection(path: string, section: string): Promise<void> {
  if ((await read(await realPath(path), path)) === undefined) return
  await change(path, text => removeSection(text, bytes(section)))
}

/** One character a byte: what stands in the file already keeps its bytes, whatever its encoding. */
const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

interface There {
  readonly text: string
  readonly mode: number
}

async function change(path: string, edit: (text: string) => string): Promise<void> {
  const file = await realPath(path)
  // The lock lies beside the file, not in our home: two homes may write the same one.
  await withLock(`${file}.portico-lock`, async () => {
    const there = await read(file, path)
    const text = edit(there?.text ?? '')
    if (text === (there?.text ?? '')) return
    await writeFileAtomic(file, Buffer.from(text, 'latin1'), there?.mode ?? 0o600)
    if (there !== undefined) await fs.chmod(file, there.mode)
  })
}

async function read(file: string, path: string): Promise<There | undefined> {
  try {
    const stat = await fs.stat(file)
    if (!stat.isFile() || stat.size > LIMIT)
      throw new PorticoError('state/unwritable', { path, why: `it is no file of at most ${LIMIT} bytes` })
    return { text: await fs.readFile(file, 'latin1'), mode: stat.mode & 0o777 }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error instanceof PorticoError ? error : diskError(error, path)
  }
}

/** A link (dotfiles kept elsewhere) stays a link: the file that it leads to is written, also when that is not there yet. */
async function realPath(path: string): Promise<string> {
  try {
    return await fs.realpath(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw diskError(error, path)
  }
  const link = await fs.readlink(path).catch(() => undefined)
  return link === undefined ? path : resolve(dirname(path), link)
}
