import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Position and size of the window in device-independent pixels. */
export interface Bounds {
  readonly x?: number
  readonly y?: number
  readonly width: number
  readonly height: number
}
export interface Placement {
  readonly bounds: Bounds
  readonly maximized: boolean
}
interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export const SMALLEST = { width: 560, height: 420 } as const
const FIRST: Placement = { bounds: { width: 1180, height: 740 }, maximized: false }

/** Where the window was, if that place still exists; else the first placement. A file gone wrong is only a lost position. */
export function loadPlacement(file: string, screens: readonly Area[]): Placement {
  try {
    return fitPlacement(JSON.parse(readFileSync(file, 'utf8')), screens)
  } catch {
    return FIRST
  }
}

export function fitPlacement(saved: unknown, screens: readonly Area[]): Placement {
  const { bounds, maximized } = Object(saved) as { bounds?: unknown; maximized?: unknown }
  const { x, y, width, height } = Object(bounds) as Record<string, unknown>
  if (![x, y, width, height].every(Number.isFinite)) return FIRST
  const [left, top] = [Number(x), Number(y)]
  const size = { width: Math.max(SMALLEST.width, Number(width)), height: Math.max(SMALLEST.height, Number(height)) }
  // A screen that was unplugged takes its windows with it: the title bar must be reachable.
  const reachable = screens.some(
    s => left + size.width > s.x + 80 && left < s.x + s.width - 80 && top >= s.y - 10 && top < s.y + s.height - 40,
  )
  return { bounds: reachable ? { x: left, y: top, ...size } : size, maximized: maximized === true }
}

/** @throws when the folder cannot be written; the caller logs it */
export function savePlacement(file: string, placement: Placement): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.new`, JSON.stringify(placement), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
