import { timingSafeEqual } from 'node:crypto'
import { chmod, rm, rmdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { dirname } from 'node:path'
import { CONTROL_PROTOCOL, type EnginePlace, type Hello } from '../../shared/control.ts'
import { PorticoError } from '../../shared/errors.ts'
import { withLock, writeFileAtomic, type Home } from '../app/context.ts'
import { connectPlace, leavePlace, newPlace, placeFile, placeLock, readPlace } from './engine-place.ts'
import { serveFace, type FaceNeeds } from './serve-face.ts'

export interface ControlOptions extends FaceNeeds {
  readonly home: Home
  readonly host: Hello['host']
  readonly version: string
  /** Default: a new one. */
  readonly place?: EnginePlace
}

export interface ControlServer {
  readonly place: EnginePlace
  /** Who comes from now on is told to wait for the end. */
  stopping(): void
  /** Ends every face and frees the home for another engine. Idempotent. */
  close(): Promise<void>
}

/** Many windows and commands are fine; a program gone wild is not. */
const MAX_FACES = 256

/**
 * Opens the control socket, which is the lock of the home: there is one engine for each. A dead engine's socket is replaced.
 * @throws PorticoError `engine/running` (facts: pid), `state/unwritable`, `state/disk-full`
 */
export async function serveControl(options: ControlOptions): Promise<ControlServer> {
  const { home, host, version, log } = options
  const faces = new Set<{ end(): void }>()
  let isStopping = false
  let closed: Promise<void> | undefined
  const hello = (): Hello => ({ protocol: CONTROL_PROTOCOL, pid: process.pid, host, version, stopping: isStopping })

  const place = options.place ?? newPlace(home, process.pid)
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    if (faces.size >= MAX_FACES) {
      log.warn('control.too-many', { faces: faces.size })
      return socket.destroy()
    }
    const face = serveFace(socket, hello, secret => isSecret(place, secret), options)
    faces.add(face)
    socket.once('close', () => faces.delete(face))
  })
  await withLock(placeLock(home), async () => {
    const before = await readPlace(home)
    const alive = before === undefined ? undefined : await connectPlace(before)
    alive?.destroy()
    if (before !== undefined && alive !== undefined) throw new PorticoError('engine/running', { pid: before.pid })
    await listen(server, place)
    try {
      await writeFileAtomic(placeFile(home), `${JSON.stringify(place)}\n`)
    } catch (thrown) {
      server.close()
      throw thrown
    }
  })
  server.on('error', error => log.error('control.failed', {}, error))

  const close = async (): Promise<void> => {
    const shut = new Promise<void>(resolve => {
      const end = async (): Promise<void> => {
        await leavePlace(home, place)
        // Removes the socket's file too: under the lock, because another engine may want the same name.
        server.close(() => resolve())
        for (const face of faces) face.end()
      }
      withLock(placeLock(home), end).catch((thrown: unknown) => {
        log.warn('control.place', {}, thrown)
        void end()
      })
    })
    await shut
    if (process.platform !== 'win32') await rmdir(dirname(place.socket)).catch(() => {})
  }
  return {
    place,
    stopping() {
      isStopping = true
    },
    close: () => (closed ??= close()),
  }
}

async function listen(server: Server, { socket }: EnginePlace): Promise<void> {
  const isPipe = process.platform === 'win32'
  if (!isPipe) await rm(socket, { force: true })
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      reject(new PorticoError('state/unwritable', { path: socket, why: `no socket could be made (${error.code ?? error.name})` }, error))
    server.once('error', fail)
    server.listen(socket, () => {
      server.off('error', fail)
      resolve()
    })
  })
  // Its folder lets nobody else in meanwhile.
  if (!isPipe) await chmod(socket, 0o600)
}

function isSecret({ secret }: EnginePlace, given: string | undefined): boolean {
  if (secret === null) return true
  const [wanted, got] = [Buffer.from(secret), Buffer.from(given ?? '')]
  return wanted.length === got.length && timingSafeEqual(wanted, got)
}
