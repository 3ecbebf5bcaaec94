import { randomBytes } from 'node:crypto'
import { lstat, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { EnginePlaceShape, type EnginePlace } from '../../shared/control.ts'
import { PorticoError } from '../../shared/errors.ts'
import { readFileIfThere, type Home } from '../app/context.ts'

/** Where the engine of a home is found: `engine.json` names its socket. A place that nobody answers at is a dead one's. */

const MAX_BYTES = 16 * 1024
const CONNECT_MS = 3_000

export const placeFile = ({ root }: Home): string => join(root, 'engine.json')
export const placeLock = ({ root }: Home): string => join(root, 'engine.lock')

/** A new place for this process. Windows has no owners on pipes: whoever asks must know a secret of the home. */
export function newPlace(home: Home, pid: number): EnginePlace {
  const folder = home.makeSocketFolder()
  if (folder !== undefined) return { socket: join(folder, 'control.sock'), pid, secret: null }
  const name = randomBytes(16).toString('hex')
  return { socket: `\\\\.\\pipe\\portico-${name}`, pid, secret: randomBytes(32).toString('hex') }
}

/** @returns undefined when there is none, or nothing that makes sense. @throws PorticoError `state/unwritable` */
export async function readPlace(home: Home): Promise<EnginePlace | undefined> {
  const text = await readFileIfThere(placeFile(home), MAX_BYTES)
  if (text === undefined) return undefined
  try {
    return EnginePlaceShape.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/**
 * Connects to a place.
 * @returns undefined when nobody listens there
 * @throws PorticoError `engine/gone` when somebody does but it cannot be reached, or it is not ours
 */
export async function connectPlace({ socket: path }: EnginePlace): Promise<Socket | undefined> {
  if (process.platform !== 'win32') {
    const there = await lstat(path).catch(() => undefined)
    if (there === undefined) return undefined
    // Whoever could put a socket there would be told passwords.
    if (!there.isSocket() || there.uid !== process.getuid?.()) throw new PorticoError('engine/gone', { why: 'its socket is not yours' })
  }
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const fail = (error: NodeJS.ErrnoException): void => {
      clearTimeout(timer)
      socket.destroy()
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined)
      else reject(new PorticoError('engine/gone', { why: `its socket cannot be used (${error.code ?? error.name})` }, error))
    }
    const timer = setTimeout(() => fail(new Error('no answer in time')), CONNECT_MS)
    socket.once('error', fail)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** Takes the files of a place away, if they are still its own. */
export async function leavePlace(home: Home, place: EnginePlace): Promise<void> {
  if ((await readPlace(home).catch(() => undefined))?.socket !== place.socket) return
  await rm(placeFile(home), { force: true }).catch(() => {})
}
