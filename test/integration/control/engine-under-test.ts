import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { App } from '../../../electron/app/open-app.ts'
import { hostEngine } from '../../../electron/control/host-engine.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { openHome, type Home } from '../../../electron/state/home.ts'

const built = (path: string): URL => new URL(`../../../out/${path}`, import.meta.url)

/** A home of its own, short enough for sockets, with sockets inside it. */
export function emptyHome(): { readonly home: Home; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), 'pc-é '))
  const home = openHome({ PORTICO_HOME: join(root, 'home'), XDG_RUNTIME_DIR: root }, process.platform)
  return { home, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** The engine of a home in this process. */
export function engineOf(home: Home, more: { readonly onStop?: () => void; readonly now?: () => number } = {}): Promise<App> {
  process.env['PORTICO_KEYRING'] = 'off'
  return hostEngine({
    home,
    log: NO_LOG,
    workerFile: built('engine/worker.mjs'),
    threads: 1,
    portico: { exec: process.execPath, args: [fileURLToPath(built('cli/portico.mjs'))], env: {} },
    engine: { host: 'headless', version: '1.2.3' },
    onStop: more.onStop ?? (() => {}),
    checkAnswers: true,
    ...(more.now === undefined ? {} : { now: more.now }),
  })
}

/** Somebody who speaks to the socket without our client. */
export interface RawFace {
  readonly socket: Socket
  readonly lines: any[]
  readonly closed: Promise<void>
  line(fits: (line: any) => boolean): Promise<any>
}

export async function rawFace(path: string): Promise<RawFace> {
  const socket = connect(path)
  const lines: any[] = []
  const waiting = new Set<() => void>()
  const look = (): void => [...waiting].forEach(one => one())
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  socket.on('error', () => {})
  createInterface({ input: socket }).on('line', text => {
    lines.push(JSON.parse(text))
    look()
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return {
    socket,
    lines,
    closed,
    line: fits =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no such line in ${JSON.stringify(lines).slice(0, 500)}`)), 10_000)
        const one = (): void => {
          const found = lines.find(fits)
          if (found === undefined) return
          clearTimeout(timer)
          waiting.delete(one)
          resolve(found)
        }
        waiting.add(one)
        one()
      }),
  }
}
