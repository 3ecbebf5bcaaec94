import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LineReader, parseLine } from '../../../electron/control/line-reader.ts'

it('gives the same lines however the bytes are cut, within characters too', () => {
  const lines = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }).filter(text => !text.includes('\n')))
  fc.assert(
    fc.property(lines, fc.array(fc.nat(400), { maxLength: 20 }), (texts, cuts) => {
      const bytes = Buffer.from(texts.map(text => `${text}\n`).join(''))
      const ends = [...new Set([...cuts.filter(cut => cut < bytes.length), bytes.length])].sort((a, b) => a - b)
      const reader = new LineReader(10_000)
      let from = 0
      const got: string[] = []
      for (const end of ends) {
        got.push(...reader.push(bytes.subarray(from, end)))
        from = end
      }
      expect(got).toEqual(texts.map(text => Buffer.from(text).toString()))
      expect(reader.midLine).toBe(false)
    }),
  )
})

it('takes a line at its limit, and none beyond it, ended or not', () => {
  expect(new LineReader(5).push(Buffer.from('12345\n'))).toEqual(['12345'])
  for (const parts of [['123456\n'], ['123456'], ['123', '456'], ['12345', '6\n'], ['1\n123456']]) {
    const reader = new LineReader(5)
    expect(() => parts.forEach(part => reader.push(Buffer.from(part)))).toThrow(expect.objectContaining({ code: 'wire/too-long' }))
  }
})

it('knows when it stands within a line', () => {
  const reader = new LineReader(100)
  expect(reader.midLine).toBe(false)
  reader.push(Buffer.from('a\nb'))
  expect(reader.midLine).toBe(true)
  reader.push(Buffer.from('\n'))
  expect(reader.midLine).toBe(false)
})

it('says that a line is no JSON', () => {
  expect(parseLine('{"a":1}')).toEqual({ a: 1 })
  expect(() => parseLine('{"a":')).toThrow(expect.objectContaining({ code: 'wire/malformed' }))
})
