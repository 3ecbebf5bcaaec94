import { expect, test } from 'vitest'
import { decodeBase32, encodeBase32, totpCode } from '../../../electron/wire/totp.ts'

// RFC 6238 appendix B, the last six digits of the SHA-1 rows.
const SECRET = encodeBase32(Buffer.from('12345678901234567890'))

test.each([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
])('at %i s the code is %s', (seconds, code) => {
  expect(totpCode(SECRET, seconds * 1000)).toBe(code)
})

test('base32 goes both ways, whatever the length', () => {
  for (let length = 0; length < 40; length++) {
    const bytes = Buffer.from(Array.from({ length }, (_, at) => (at * 37) & 0xff))
    expect(decodeBase32(encodeBase32(bytes))).toEqual(bytes)
  }
  expect(decodeBase32('mzxw 6ytb-oi======').toString()).toBe('foobar')
  expect(() => decodeBase32('1')).toThrow(/base32/)
})
