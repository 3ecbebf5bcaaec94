import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { commandLine, environmentLines, quoteWord } from '../../../electron/launch/quote.ts'
import { hasUnprintable, printable } from '../../../shared/printable.ts'

const HOSTILE = [
  `o'brien`,
  `a"b`,
  '$(touch /tmp/pwned)',
  '`id`',
  'a;b&c|d',
  'a b',
  '',
  '-x',
  '=ls',
  '~root',
  '*',
  '!x',
  'a\\b',
  `'; rm -rf /; '`,
  '${HOME}',
  'café',
  '数据库',
  '#x',
  'a\nb',
  'a\tb',
  '\u001b[31mred',
  '\u009b31m',
  'x\u202ey',
  'don\u2019t',
]

describe('quoting for a POSIX shell', () => {
  it.each(HOSTILE)('is read back by a real shell as the same word: %j', value => {
    // bash knows $'…', which words with control characters need.
    const read = execFileSync('bash', ['--norc', '-c', `printf %s ${quoteWord(value, 'posix')}`], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
    })
    expect(read).toBe(value)
  })

  it.each(HOSTILE)('never holds a character that steers a terminal: %j', value => {
    for (const shell of ['posix', 'powershell'] as const) expect(hasUnprintable(quoteWord(value, shell))).toBe(false)
  })

  it('sets variables that a shell reads back', () => {
    const lines = environmentLines({ PGUSER: `o'brien $(id)`, PGDATABASE: 'a b' }, 'posix')
    const read = execFileSync('sh', ['-c', `${lines.join('\n')}\nprintf '%s|%s' "$PGUSER" "$PGDATABASE"`], { encoding: 'utf8' })
    expect(read).toBe(`o'brien $(id)|a b`)
  })

  it('leaves plain words plain', () => {
    expect(commandLine(['psql', 'postgres://alice@localhost:24017/shop'], 'posix')).toBe('psql postgres://alice@localhost:24017/shop')
  })

  it('refuses a NUL, which no program can be given', () => {
    expect(() => quoteWord('a\0b', 'posix')).toThrow('usage/invalid')
  })
})

describe('quoting for PowerShell', () => {
  it('doubles every kind of single quote that PowerShell takes for one', () => {
    expect(quoteWord(`o'b\u2019c`, 'powershell')).toBe(`'o''b\u2019\u2019c'`)
  })

  it('writes control characters for PowerShell as numbers', () => {
    expect(quoteWord('a\u001b$b', 'powershell')).toBe('"a$([char]27)`$b"')
  })

  it('calls a quoted program in PowerShell', () => {
    expect(commandLine(['C:\\Program Files\\psql.exe', 'x'], 'powershell')).toBe(`& 'C:\\Program Files\\psql.exe' x`)
  })
})

it('shows control characters instead of sending them', () => {
  expect(printable('a\u001b[2Jb\u009bc\u202ed\ud800')).toBe('a\\x1b[2Jb\\u009bc\\u202ed\\ud800')
})
