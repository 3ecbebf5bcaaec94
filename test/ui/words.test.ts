import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../../shared/words.ts'
import { protocolTile, protocolTitle } from '../../renderer/protocol-words.ts'
import { failureWords, shown, text } from '../../renderer/words.ts'

const MINUTE = 60_000

describe('words of the window', () => {
  it.each(ERROR_CODES)('says %s in three sentences, without a command to type', code => {
    const words = failureWords({ code, facts: {} })
    for (const line of [words.what, words.why, words.next]) {
      expect(line).toMatch(/^[A-Z].*\.$/)
      expect(line).not.toMatch(/portico (login|db|lab|status|cluster|--)|--[a-z]/)
      expect(line).not.toMatch(/gateway|\bSNI\b|\bALPN\b|mTLS/i)
    }
  })

  it('leaves a host name at the start of a sentence as it is', () => {
    expect(failureWords({ code: 'proxy/timeout', facts: { proxy: 'prod.example.com:443' } }).what).toBe(
      'prod.example.com:443 does not answer.',
    )
  })

  it.each([
    [30_000, 'under a minute left'],
    [12 * MINUTE, '12 m left'],
    [60 * MINUTE, '1 h left'],
    [(7 * 60 + 42) * MINUTE, '7 h 42 m left'],
    [24 * 60 * MINUTE, '1 d left'],
    [(30 * 60 + 5) * MINUTE, '1 d 6 h left'],
  ])('tells %i ms as time left', (ms, words) => expect(text.side.left(ms)).toBe(words))

  it.each([
    [-5000, 'Your session ended just now.'],
    [2 * MINUTE, 'Your session ended 2 minutes ago.'],
    [60 * MINUTE, 'Your session ended 1 hour ago.'],
    [72 * 60 * MINUTE, 'Your session ended 3 days ago.'],
  ])('tells %i ms as time gone', (ms, words) => expect(text.banner.ended(ms)).toBe(words))

  it('counts one as one', () => {
    expect(text.banner.waiting(1, 1)).toBe('1 connection on 1 tunnel is waiting and will go on.')
    expect(text.list.search(1)).toBe('Search 1 database by name, label or protocol')
  })

  it('names protocols that it does not know, and none by accident', () => {
    expect([protocolTitle('postgres'), protocolTile('postgres')]).toEqual(['PostgreSQL', 'Pg'])
    expect([protocolTitle('constructor'), protocolTile('constructor')]).toEqual(['constructor', 'co'])
  })

  it('marks what hides or turns other characters', () => {
    expect(shown('a\u202eb\u0007c\u200fd')).toBe('a\ufffdb\ufffdc\ufffdd')
    expect(shown('größe 東京 ✓')).toBe('größe 東京 ✓')
  })
})
