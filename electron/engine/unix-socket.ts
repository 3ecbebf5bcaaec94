import { chmod, lstat, mkdtemp, rename, rm, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { PorticoError } from '../../shared/errors.ts'

/** Systems allow 104 to 108 bytes; what we bind first is up to 3 bytes longer than what is asked for. */
const PATH_BYTES = 100
const BIND_BYTES = 103

const exists = (path: string): Promise<'socket' | 'other' | 'none'> =>
  lstat(path).then(
    found => (found.isSocket() ? 'socket' : 'other'),
    (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? 'none' : Promise.reject(error)),
  )

/** A socket file outlives its owner; only a refused connection proves that nobody listens any more. */
const answers = (path: string): Promise<boolean> =>
  new Promise(resolve => {
    const probe = connect(path)
    const done = (answer: boolean): void => {
      probe.destroy()
      resolve(answer)
    }
    probe.once('connect', () => done(true))
    probe.once('error', (error: NodeJS.ErrnoException) => done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'))
  })

/**
 * Binds `server` to a socket file of mode 0600. Threads have no umask of their own, so the file is made in a folder that
 * only its owner may enter and moved into place, which also replaces the file of a dead owner in one step.
 * On Windows `path` names a pipe and the system protects it.
 * @returns removes the file; the server itself is closed by its owner
 * @throws PorticoError `tunnel/port-in-use` (a live owner), `tunnel/address` (too long, no folder, no socket)
 */
export async function listenOnSocket(
  server: Server,
  path: string,
  listen: (server: Server, where: { path: string }) => Promise<void>,
): Promise<() => Promise<void>> {
  if (process.platform === 'win32') {
    await listen(server, { path })
    return async () => {}
  }
  if (Buffer.byteLength(path) > PATH_BYTES)
    throw new PorticoError('tunnel/address', { socket: path, why: `the path of a socket may have ${PATH_BYTES} bytes` })
  const found = await exists(path)
  if (found === 'other') throw new PorticoError('tunnel/address', { socket: path, why: 'another file has this name' })
  if (found === 'socket' && (await answers(path))) throw new PorticoError('tunnel/port-in-use', { port: path })
  const folder = await mkdtemp(join(dirname(path), '.p'))
  try {
    const hidden = join(folder, 's')
    if (Buffer.byteLength(hidden) > BIND_BYTES)
      throw new PorticoError('tunnel/address', { socket: path, why: 'the path of its folder is too long' })
    await listen(server, { path: hidden })
    await chmod(hidden, 0o600)
    await rename(hidden, path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const { ino } = await lstat(path)
  return async () => {
    // Only our own file: another engine may have replaced it after ours died.
    const now = await lstat(path).catch(() => undefined)
    if (now?.ino === ino) await unlink(path).catch(() => {})
  }
}
