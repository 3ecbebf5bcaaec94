import { expect, test } from 'vitest'
import { RateLimit } from '../../../../electron/cluster/web/rate-limit.ts'

test('lets 20 in a row pass, then one each six seconds, per client', () => {
  let now = 1_000_000
  const limit = new RateLimit(() => now)
  for (let tries = 0; tries < 20; tries++) expect(limit.take('a')).toBe(true)
  expect(limit.take('a')).toBe(false)
  expect(limit.take('b')).toBe(true)
  now += 5_999
  expect(limit.take('a')).toBe(false)
  now += 1
  expect(limit.take('a')).toBe(true)
  expect(limit.take('a')).toBe(false)
})

test('a clock that goes back takes nothing away', () => {
  let now = 1_000_000
  const limit = new RateLimit(() => now)
  for (let tries = 0; tries < 19; tries++) limit.take('a')
  now -= 500_000
  expect(limit.take('a')).toBe(true)
})
