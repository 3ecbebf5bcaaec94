import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Servers lie where an ordinary PATH does not look. */
const EXTRA = ['/usr/sbin', '/usr/local/sbin', '/sbin']

/**
 * A program of the system, for the servers that the lab does not bring itself.
 * @returns its path; undefined also on Windows, whose builds of these servers take other options
 */
export function findProgram(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  if (process.platform === 'win32') return undefined
  const folders = [...path.split(delimiter).filter(folder => folder !== ''), ...EXTRA]
  return folders.map(folder => join(folder, name)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
