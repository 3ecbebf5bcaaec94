import { expect, it } from 'vitest'
import { NO_LOG } from '../../../../electron/log/log.ts'
import { ConnectionCount } from '../../../../electron/cluster/router/connection-count.ts'

it('limits each address and all together, and frees what is given back', () => {
  const count = new ConnectionCount(3, 2, NO_LOG)
  expect([count.add('a'), count.add('a'), count.add('a'), count.add('b'), count.add('b')]).toEqual([true, true, false, true, false])
  count.remove('a')
  expect([count.add('b'), count.add('a')]).toEqual([true, false])
})

it('lets a connection count for another address, unless that has too many', () => {
  const count = new ConnectionCount(3, 1, NO_LOG)
  expect([count.add('balancer'), count.move('balancer', 'a'), count.add('balancer'), count.move('balancer', 'a')]).toEqual([
    true,
    true,
    true,
    false,
  ])
  expect([count.total, count.move('balancer', 'balancer'), count.move('balancer', 'b'), count.add('balancer')]).toEqual([
    2,
    true,
    true,
    true,
  ])
  for (const host of ['a', 'b', 'balancer']) count.remove(host)
  expect([count.total, count.add('a'), count.isFull]).toEqual([0, true, false])
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
