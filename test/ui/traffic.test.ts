import { describe, expect, it } from 'vitest'
import { createTraffic } from '../../renderer/traffic.ts'
import { bytes, clockWithMs } from '../../renderer/figures.ts'
import { aDatabase, anOpenTunnel } from './fixtures.ts'

const orders = aDatabase('orders')
const at = (bytesIn: number, bytesOut = 0) => [anOpenTunnel(orders, { bytesIn, bytesOut })]

describe('traffic', () => {
  it('makes rates of the last minute from counters, the newest last', () => {
    const traffic = createTraffic()
    traffic.sample(at(1000), 0)
    traffic.sample(at(3000, 50), 1000)
    traffic.sample(at(3500, 50), 2000)
    const { received, sent } = traffic.of('t-orders')
    expect(received).toHaveLength(60)
    expect(received.slice(-3)).toEqual([0, 2000, 500])
    expect(sent.slice(-3)).toEqual([0, 50, 0])
  })

  it('counts what was there before the window opened as nothing', () => {
    const traffic = createTraffic()
    traffic.sample(at(5_000_000), 0)
    expect(Math.max(...traffic.of('t-orders').received)).toBe(0)
  })

  it('spreads what came while it was asleep over the seconds it took, and forgets after a minute', () => {
    const traffic = createTraffic()
    traffic.sample(at(0), 0)
    traffic.sample(at(4000), 4000)
    expect(traffic.of('t-orders').received.slice(-5)).toEqual([0, 1000, 1000, 1000, 1000])
    traffic.sample(at(4000), 200_000)
    expect(Math.max(...traffic.of('t-orders').received)).toBe(0)
  })

  it('begins anew when counters go back, and forgets a tunnel that is gone', () => {
    const traffic = createTraffic()
    traffic.sample(at(1000), 0)
    traffic.sample(at(9000), 1000)
    traffic.sample(at(10), 2000)
    expect(Math.max(...traffic.of('t-orders').received)).toBe(0)
    traffic.sample(at(900), 3000)
    traffic.sample([], 4000)
    traffic.sample(at(1000), 5000)
    expect(Math.max(...traffic.of('t-orders').received)).toBe(0)
  })

  it('gives the same object while nothing flows, so that nothing is drawn again', () => {
    const traffic = createTraffic()
    traffic.sample(at(7), 0)
    traffic.sample(at(7), 1000)
    const before = traffic.of('t-orders')
    traffic.sample(at(7), 2000)
    expect(traffic.of('t-orders')).toBe(before)
    expect(traffic.of('unknown')).toBe(traffic.of('other'))
  })

  it('tells its listeners of each sample until they leave', () => {
    const traffic = createTraffic()
    let told = 0
    const stop = traffic.subscribe(() => (told += 1))
    traffic.sample([], 0)
    stop()
    traffic.sample([], 1000)
    expect(told).toBe(1)
  })
})

describe('figures', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [9949, '9.9 kB'],
    [9960, '10 kB'],
    [96_000, '96 kB'],
    [999_700, '1.0 MB'],
    [3_200_000, '3.2 MB'],
    [7e15, '7000 TB'],
  ])('writes %i bytes as %s', (n, words) => expect(bytes(n)).toBe(words))

  it('writes a time of the log to the millisecond', () => {
    expect(clockWithMs(new Date(2026, 0, 2, 3, 4, 5, 6).getTime())).toBe('03:04:05.006')
  })
})
