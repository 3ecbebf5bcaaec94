import { PorticoError } from '../../shared/errors.ts'

/** The value of `--port`; 0 = any. @throws PorticoError `usage/invalid` */
export function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new PorticoError('usage/invalid', { why: `--port takes a number from 0 to 65535, not "${text}"` })
  return port
}
