import { describe, expect, it } from 'vitest'
import { CommandScanner, encodeCommand, encodeError, ReplySubstitute } from '../../../electron/wire/redis.ts'

/** What was passed, and each watched command in its place as `<NAME args>`. */
function scan(chunks: readonly Buffer[]): string {
  const scanner = new CommandScanner(new Set(['AUTH', 'HELLO']))
  let out = ''
  for (const chunk of chunks)
    scanner.push(chunk, {
      pass: part => (out += part.toString('latin1')),
      command: args => (out += `<${args.map(String).join(' ')}>`),
    })
  return out
}

const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, byte => Buffer.from([byte]))
const SET = encodeCommand(['SET', 'k', 'é \r\n*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n'])
const AUTH = encodeCommand(['auth', 'alice', 'pw'])

describe('a scanner of Redis commands', () => {
  it('finds the watched ones among the others, at whatever borders they come', () => {
    const stream = Buffer.concat([SET, AUTH, SET, Buffer.from('*0\r\n*-1\r\n'), encodeCommand(['HELLO']), encodeCommand(['']), AUTH])
    const [plain, empty] = [SET.toString('latin1'), encodeCommand(['']).toString('latin1')]
    const expected = `${plain}<auth alice pw>${plain}*0\r\n*-1\r\n<HELLO>${empty}<auth alice pw>`
    expect(scan([stream])).toBe(expected)
    expect(scan(bytewise(stream))).toBe(expected)
    for (let at = 1; at < stream.length; at++) expect(scan([stream.subarray(0, at), stream.subarray(at)])).toBe(expected)
  })

  it('passes a chunk of other commands as it is, without a copy', () => {
    const seen: Buffer[] = []
    new CommandScanner(new Set(['AUTH'])).push(SET, { pass: part => seen.push(part), command: () => {} })
    expect(seen).toHaveLength(1)
    expect(seen[0]).toBe(SET)
  })

  it('keeps nothing of a value of any length', () => {
    const scanner = new CommandScanner(new Set(['AUTH']))
    let passed = 0
    const sink = { pass: (part: Buffer) => (passed += part.length), command: () => {} }
    scanner.push(Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1073741824\r\n'), sink)
    for (let n = 0; n < 4; n++) scanner.push(Buffer.alloc(1_000_000), sink)
    expect(passed).toBe(4_000_033)
  })

  it.each([
    ['PING\r\n', String.raw`can't parse "PING"`],
    ['*1\r\n:1\r\n', String.raw`can't parse ":1"`],
    ['*1\n$4\nPING\n', String.raw`can't parse "*1"`],
    ['*+1\r\n', String.raw`can't parse "*+1"`],
    ['*02\r\n', String.raw`can't parse "*02"`],
    ['*\r\n', String.raw`can't parse "*"`],
    ['*-0\r\n', String.raw`can't parse "*-0"`],
    ['*1\r\n$-1\r\n', String.raw`can't parse "$-1"`],
    ['*1\r\r', String.raw`can't parse "*1"`],
    [`*${'9'.repeat(30)}\r\n`, `can't parse "*${'9'.repeat(30)}"`],
  ])('refuses %j, which Redis would count in another way or not at all', (text, why) => {
    expect(() => scan([Buffer.from(text)])).toThrow(expect.objectContaining({ code: 'wire/malformed', facts: { why } }))
    expect(() => scan(bytewise(Buffer.from(text)))).toThrow(expect.objectContaining({ code: 'wire/malformed' }))
  })

  it('refuses a watched command of too many or too long arguments', () => {
    const [many, long] = [encodeCommand(['AUTH', ...Array.from({ length: 64 }, () => 'x')]), encodeCommand(['AUTH', 'x'.repeat(65_536)])]
    for (const bytes of [many, long, Buffer.from('*2\r\n$4\r\nAUTH\r\n$1073741824\r\n')])
      expect(() => scan([bytes])).toThrow(expect.objectContaining({ code: 'wire/too-long' }))
  })
})

describe('a substitute for a reply', () => {
  const replace = (chunks: readonly Buffer[]): string => {
    const substitute = new ReplySubstitute('NAME', encodeError('ERR no\r\nway'))
    let out = ''
    let rest: Buffer | undefined
    for (const chunk of chunks) {
      if (rest !== undefined) out += String(chunk)
      else {
        rest = substitute.push(chunk, part => (out += String(part)))
        if (rest !== undefined) out += String(rest)
      }
    }
    return out
  }

  it('stands where the server’s error was, whatever its borders', () => {
    const long = `$2000\r\n${'v'.repeat(2_000)}\r\n`
    const stream = Buffer.from(`${long}-ERR unknown command 'NAME', with args beginning with: \r\n+OK\r\n`)
    const expected = `${long}-ERR no way\r\n+OK\r\n`
    expect(replace([stream])).toBe(expected)
    expect(replace(bytewise(stream))).toBe(expected)
    for (let at = 1_900; at < stream.length; at++) expect(replace([stream.subarray(0, at), stream.subarray(at)])).toBe(expected)
  })

  it('stands at the beginning, too', () => {
    expect(replace([Buffer.from("-ERR unknown command 'NAME'\r\n")])).toBe('-ERR no way\r\n')
  })
})
