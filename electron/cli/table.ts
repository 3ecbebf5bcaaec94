import { printable } from '../../shared/printable.ts'

/** Left-aligned columns, two spaces apart; control characters in cells are shown, not sent. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const cells = [head, ...rows].map(row => row.map(printable))
  const widths = head.map((_, column) => Math.max(...cells.map(row => [...(row[column] ?? '')].length)))
  return cells.map(row =>
    row
      .map((cell, column) => (column === head.length - 1 ? cell : cell + ' '.repeat(widths[column]! - [...cell].length)))
      .join('  ')
      .trimEnd(),
  )
}

/** `5h 12m`, for a person. */
export function timeLeft(ms: number): string {
  if (ms <= 0) return 'ended'
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return `${Math.max(1, Math.floor(ms / 1000))}s`
  return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`
}
