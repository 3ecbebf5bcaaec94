import { describe, expect, it } from 'vitest'
import { parseDuration } from '../../../electron/cli/duration.ts'
import { helpText, parse } from '../../../electron/cli/program.ts'
import { openSay, safeJson } from '../../../electron/cli/say.ts'
import { table, timeLeft } from '../../../electron/cli/table.ts'
import { PorticoError } from '../../../shared/errors.ts'

const nowhere = { write() {} }
const failure = async (line: string): Promise<PorticoError> =>
  parse(line.split(' '), [], nowhere).then(() => expect.unreachable(), PorticoError.from)

describe('the command line', () => {
  it('takes global flags before and after the verb', async () => {
    expect(await parse(['--json', 'status'], [], nowhere)).toMatchObject({ globals: { json: true } })
    expect(await parse(['db', 'ls', '--json', '--proxy', 'a:1', '--search', 'x'], [], nowhere)).toMatchObject({
      globals: { json: true, proxy: 'a:1' },
      options: { search: 'x' },
    })
  })

  it('refuses an unknown flag with the nearest match', async () => {
    expect(await failure('status --jsno')).toMatchObject({
      code: 'usage/invalid',
      facts: { why: "unknown option '--jsno' (Did you mean --json?)", next: 'portico status --help' },
    })
  })

  it('refuses an unknown verb with the nearest match', async () => {
    expect(await failure('logn')).toMatchObject({ code: 'usage/invalid', facts: { why: expect.stringContaining('login') } })
    expect(await failure('db lss')).toMatchObject({
      code: 'usage/invalid',
      facts: { why: expect.stringContaining('ls'), next: 'portico db --help' },
    })
  })

  it('refuses a missing name and one too many', async () => {
    expect(await failure('proxy db')).toMatchObject({ code: 'usage/invalid' })
    expect(await failure('use a b')).toMatchObject({ code: 'usage/invalid' })
  })

  it('takes arguments after -- only where a client takes them', async () => {
    await expect(parse(['status'], ['-c'], nowhere)).rejects.toMatchObject({ code: 'usage/invalid' })
    expect(await parse(['db', 'connect', 'orders'], ['-c'], nowhere)).toMatchObject({ args: ['orders'] })
  })

  it('knows --socket and --no-socket', async () => {
    expect(await parse(['proxy', 'db', 'x', '--no-socket', '-p', '0'], [], nowhere)).toMatchObject({
      options: { socket: false, port: '0' },
    })
    expect(await parse(['proxy', 'db', 'x', '--socket', '/s'], [], nowhere)).toMatchObject({ options: { socket: '/s' } })
    expect(await parse(['proxy', 'db', 'x'], [], nowhere)).toMatchObject({ options: {} })
  })

  it('resets the lab that --home names, wherever the flag stands', async () => {
    for (const words of [
      ['lab', 'reset', '--home', '/l'],
      ['lab', '--home', '/l', 'reset'],
    ])
      expect(await parse(words, [], nowhere)).toMatchObject({ options: { home: '/l' } })
  })

  it.each([
    'lab',
    'lab reset',
    'login',
    'logout',
    'status',
    'use',
    'db',
    'db ls',
    'db login',
    'db logout',
    'db env',
    'db config',
    'db connect',
    'proxy db',
    'version',
    'help',
  ])('explains "%s" with one example', async verb => {
    const text = await helpText(verb.split(' '))
    expect(text.match(/Example:\n {2}\$ /g)).toHaveLength(1)
    expect(text).toContain('--json')
  })

  it('has an example in no verb that does not exist yet', async () => {
    expect(await helpText([])).not.toMatch(/^ {2}(ssh|kube|doctor)\b/m)
  })
})

describe('what a command writes', () => {
  const written = (json: boolean) => {
    let out = ''
    let err = ''
    const say = openSay({
      json,
      quiet: false,
      stdout: {
        write: (text: string) => {
          out += text
        },
      },
      stderr: {
        write: (text: string) => {
          err += text
        },
      },
    })
    return { say, out: () => out, err: () => err }
  }

  it('tells a failure as WHAT: WHY and Try on stderr', () => {
    const { say, out, err } = written(false)
    say.failure({ code: 'proxy/unreachable', facts: { proxy: 'a:1' } })
    expect(err()).toMatch(/^portico: Cannot reach a:1: .+\nTry: .+\n$/)
    expect(out()).toBe('')
  })

  it('tells a failure as one JSON object with --json', () => {
    const { say, out } = written(true)
    say.failure({ code: 'login/expired', facts: { proxy: 'a:1' } })
    expect(JSON.parse(out())).toMatchObject({
      error: { code: 'login/expired', message: expect.any(String), hint: 'portico login --proxy a:1' },
    })
  })

  it('sends no control character of a server to a terminal, as text or as JSON', () => {
    const { say, out } = written(false)
    say.text('a\u001b[2J\u009bb')
    expect(out()).toBe('a\\x1b[2J\\u009bb\n')
    const evil = { name: 'a\u001b\u009b\u202e\u007f😀' }
    // oxlint-disable-next-line no-control-regex
    expect(safeJson(evil)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
    expect(JSON.parse(safeJson(evil))).toEqual(evil)
  })

  it('lines columns up', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['xx', 'y'],
          ['z', ''],
        ],
      ),
    ).toEqual(['A   B', 'xx  y', 'z'])
    expect(timeLeft(5 * 3_600_000 + 720_000)).toBe('5h 12m')
    expect(timeLeft(-1)).toBe('ended')
  })
})

it('reads times with their unit, and nothing else', () => {
  expect(parseDuration('90s', '--hold')).toBe(90_000)
  expect(parseDuration('1h30m', '--ttl')).toBe(5_400_000)
  for (const wrong of ['60', '', '-1s', '1x', 's', '0s']) expect(() => parseDuration(wrong, '--hold')).toThrow('usage/invalid')
})
