import { expect, it } from 'vitest'
import { NO_LOG } from '../../../../electron/log/log.ts'
import { ConnectionCount } from '../../../../electron/cluster/router/connection-count.ts'

it('limits each address and all together, and frees what is given back', () => {
  const count = new ConnectionCount(3, 2, NO_LOG)
  expect([count.add('a'), count.add('a'), count.add('a'), count.add('b'), count.add('b')]).toEqual([true, true, false, true, false])
  count.remove('a')
  expect([count.add('b'), count.add('a')]).toEqual([true, false])
})

it('warns once per flood', () => {
  let warnings = 0
  const count = new ConnectionCount(2, 2, { ...NO_LOG, warn: () => void warnings++ })
  count.add('a')
  count.add('a')
  for (let flood = 0; flood < 100; flood++) count.add('a')
  expect(warnings).toBe(1)
  count.remove('a')
  count.add('a')
  count.add('a')
  expect(warnings).toBe(2)
})
