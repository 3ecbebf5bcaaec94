import { PorticoError } from '../../shared/errors.ts'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * `90s`, `1h30m`, `12h`.
 * @returns ms
 * @throws PorticoError `usage/invalid`: also for a bare number, whose unit nobody agrees on
 */
export function parseDuration(text: string, flag: string): number {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text))
    throw new PorticoError('usage/invalid', { why: `${flag} takes a time such as 90s, 30m or 12h, not "${text}"` })
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) total += Number(amount) * UNITS[unit!]!
  if (total <= 0) throw new PorticoError('usage/invalid', { why: `${flag} must be longer than nothing` })
  return Math.round(total)
}
