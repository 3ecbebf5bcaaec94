import { expect, test } from 'vitest'
import { jsonAnswer } from '../../../../electron/cluster/web/answer.ts'
import { limited, RateLimit } from '../../../../electron/cluster/web/rate-limit.ts'

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

test('another rate is told to whoever is over it, and the answer is not worked out', async () => {
  let now = 1_000_000
  let asked = 0
  const answer = limited(new RateLimit(() => now, { burst: 2, refillMs: 1_500 }), async (_request: string) => jsonAnswer(++asked))
  expect([(await answer('', '10.0.0.1')).body, (await answer('', '10.0.0.1')).body]).toEqual(['1', '2'])
  const refused = await answer('', '10.0.0.1')
  expect([refused.status, JSON.parse(String(refused.body)), asked]).toEqual([
    429,
    { error: { message: 'too many requests from 10.0.0.1: wait 2 s, then try again' } },
    2,
  ])
  expect((await answer('', '10.0.0.2')).status).toBe(200)
  now += 1_500
  expect((await answer('', '10.0.0.1')).status).toBe(200)
})
