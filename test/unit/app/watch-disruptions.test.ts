import { expect, it } from 'vitest'
import { watchDisruptions } from '../../../electron/app/watch-disruptions.ts'

function world() {
  const at = { now: 1_000_000, steady: 0, addresses: '10.0.0.2' }
  const told: string[] = []
  const watch = watchDisruptions({
    now: () => at.now,
    steady: () => at.steady,
    addresses: () => at.addresses,
    onDisruption: what => told.push(what),
  })
  const pass = (clock: number, steady = clock): void => {
    at.now += clock
    at.steady += steady
    watch.look()
  }
  return { at, told, pass, close: watch.close }
}

it('says nothing while time passes as it should, also on a busy machine', () => {
  const { told, pass, close } = world()
  for (const ms of [1_000, 1_001, 1_500, 3_000, 999]) pass(ms)
  expect(told).toEqual([])
  close()
})

it.each([
  ['a night of sleep in which the steady clock stood still', 8 * 3_600_000, 1_000],
  ['a sleep in which the steady clock went on', 60_000, 60_000],
  ['a clock set back by a day', -86_400_000, 1_000],
  ['a clock set forward by an hour', 3_600_000, 1_000],
])('notices %s, once', (_what, clock, steady) => {
  const { told, pass, close } = world()
  pass(1_000)
  pass(clock, steady)
  pass(1_000)
  expect(told).toEqual(['clock'])
  close()
})

it('notices another network', () => {
  const { at, told, pass, close } = world()
  at.addresses = '192.168.1.5'
  pass(1_000)
  pass(1_000)
  expect(told).toEqual(['network'])
  close()
})
