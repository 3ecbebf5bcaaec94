import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'

/** AES-256 */
const KEY_BYTES = 32

const unusable = (file: string, why: string, cause?: unknown): PorticoError =>
  new PorticoError('cluster/config', { file, key: 'teleport.storage.key_file', why: `teleport.storage.key_file: ${file} ${why}` }, cause)

/** Base64 on one line. @returns undefined when there is no such file @throws PorticoError cluster/config */
export async function readKeyFile(file: string, log: Log): Promise<Buffer | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
    // A secret mounted into a container is often readable by its group: told, not refused.
    if (process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0) log.warn('storage.key-readable', { file })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusable(file, 'cannot be read', thrown)
  }
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length !== KEY_BYTES || key.toString('base64') !== text.trim())
    throw unusable(file, `is no key: it must hold ${KEY_BYTES} bytes in base64`)
  return key
}

/** A new key, kept by its owner alone. A file that is there already is not touched. @throws PorticoError cluster/config */
export async function makeKeyFile(file: string): Promise<Buffer> {
  const key = randomBytes(KEY_BYTES)
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const made = await open(file, 'wx', 0o600)
    try {
      await made.writeFile(`${key.toString('base64')}\n`)
      await made.sync()
    } finally {
      await made.close()
    }
  } catch (thrown) {
    throw unusable(file, 'cannot be written', thrown)
  }
  return key
}

/** Takes back a key that this process made and nothing was sealed with. */
export async function dropKeyFile(file: string): Promise<void> {
  await unlink(file)
}

export function missingKey(file: string): PorticoError {
  return unusable(file, 'is missing: copy it from a machine of this cluster, whose state is sealed with it')
}

export function wrongKey(file: string): PorticoError {
  return unusable(file, 'is not the key that the state of this cluster is sealed with: copy it from a machine of this cluster')
}
