import { expect, it } from 'vitest'
import { choosePort, stablePort } from '../../../electron/app/ports.ts'

it('gives the same port on every machine', () => {
  // printf 'lab\0db\0orders' | sha256sum: the first 8 hex digits mod 10000, plus 20000
  expect(stablePort('lab', 'db', 'orders')).toBe(20558)
  expect(stablePort('lab', 'db', 'metrics')).toBe(28763)
})

it('keeps a port once chosen, even when another resource would like it', () => {
  expect(choosePort(24_000, 25_000, new Set([24_000]))).toBe(25_000)
})

it('takes the next port that no other resource of ours holds', () => {
  expect(choosePort(24_000, undefined, new Set())).toBe(24_000)
  expect(choosePort(24_000, undefined, new Set([24_000, 24_001]))).toBe(24_002)
  expect(choosePort(29_999, undefined, new Set([29_999]))).toBe(20_000)
})
