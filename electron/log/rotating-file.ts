import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Writes are whole lines and synchronous: what was logged before a crash is on disk. */
export interface LineSink {
  write(line: string): void
  close(): void
}

export interface Rotation {
  readonly bytes: number
  /** Files kept, the current one included. */
  readonly files: number
}

export const ROTATION: Rotation = { bytes: 5 * 1024 * 1024, files: 3 }
/** A disk that failed is tried again after this long. */
const RETRY_MS = 5_000

/** `portico.log` → `portico.1.log` → `portico.2.log`. */
export function numbered(path: string, n: number): string {
  return n === 0 ? path : path.replace(/(\.log)?$/, `.${n}$1`)
}

/**
 * Appends lines to `path` (0600), rotated by size. Several processes may write one file: each appends whole lines, and one whose
 * file was moved away by another follows. It never throws: a full or missing disk costs log lines, not the program.
 */
export function openRotatingFile(path: string, rotation: Rotation = ROTATION, now: () => number = Date.now): LineSink {
  let file: number | undefined
  let closed = false
  let failedAt = Number.NEGATIVE_INFINITY

  const shut = (): void => {
    if (file === undefined) return
    const opened = file
    file = undefined
    try {
      closeSync(opened)
    } catch {
      /* a log cannot complain about itself */
    }
  }
  const open = (): void => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    file = openSync(path, 'a', 0o600)
  }
  const rotate = (): void => {
    shut()
    for (let n = rotation.files - 1; n >= 1; n -= 1) {
      try {
        renameSync(numbered(path, n - 1), numbered(path, n))
      } catch {
        /* not there yet */
      }
    }
  }
  const makeRoom = (length: number): void => {
    if (file === undefined) open()
    const size = fstatSync(file!).size
    if (size === 0 || size + length <= rotation.bytes) return
    // Another process may have rotated meanwhile: then only follow it.
    const there = statSync(path, { throwIfNoEntry: false })
    if (there?.ino === fstatSync(file!).ino) rotate()
    else shut()
    open()
  }

  return {
    write(line) {
      if (closed || now() - failedAt < RETRY_MS) return
      try {
        makeRoom(Buffer.byteLength(line))
        writeSync(file!, line)
        failedAt = Number.NEGATIVE_INFINITY
      } catch {
        failedAt = now()
        shut()
      }
    },
    close() {
      closed = true
      shut()
    },
  }
}
