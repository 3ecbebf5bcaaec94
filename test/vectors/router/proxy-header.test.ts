// proxy-headers.json: what a Teleport 13.0.0-dev did with each header before TLS, captured, fixtures/teleport-13/router; and what we do.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PROXY_HEADER_LIMIT, readProxyHeader } from '../../../electron/wire/proxy-header.ts'

export interface ProxyRow {
  readonly name: string
  readonly hex: string
  readonly teleport: 'ok' | 'closed'
  readonly ours: 'closed' | 'unknown' | { readonly host: string; readonly port: number }
  readonly reason?: string
}
const rows = JSON.parse(readFileSync(new URL('proxy-headers.json', import.meta.url), 'utf8')) as readonly ProxyRow[]
const single = rows.filter(({ name }) => !/twice|then/.test(name))

describe('a PROXY header', () => {
  it.each(single)('$name is read as it should', ({ hex, ours }) => {
    const bytes = Buffer.from(hex, 'hex')
    const found = readProxyHeader(Buffer.concat([bytes, Buffer.from('16030100', 'hex')]))
    if (ours === 'closed') return expect(found.state).toBe('refused')
    expect(found).toMatchObject({ state: 'header', length: bytes.length, source: ours === 'unknown' ? undefined : ours })
  })

  it.each(single.filter(({ ours }) => ours !== 'closed'))('$name is awaited until it is whole', ({ hex }) => {
    const bytes = Buffer.from(hex, 'hex')
    for (let cut = 8; cut < bytes.length; cut++) expect(readProxyHeader(bytes.subarray(0, cut)).state).toBe('more')
    expect(readProxyHeader(bytes).state).toBe('header')
  })

  it('differs from Teleport only where a reason is given', () => {
    const differs = rows.filter(({ teleport, ours }) => (teleport === 'closed') !== (ours === 'closed'))
    expect(differs.map(({ reason }) => reason)).not.toContain(undefined)
    expect(rows.filter(row => row.reason !== undefined && !differs.includes(row))).toEqual([])
  })
})

const v2 = (head: string, rest: string): Buffer => Buffer.from(`0d0a0d0a000d0a515549540a${head}${rest}`, 'hex')
const V4 = 'cb007109c6336401c73801bb'

describe('a bad PROXY header', () => {
  it.each([
    ['a line with two spaces', Buffer.from('PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n')],
    ['a line with a token more', Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n')],
    ['an address with a zero before it', Buffer.from('PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n')],
    ['an address out of range', Buffer.from('PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n')],
    ['an IPv6 address of nine groups', Buffer.from('PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n')],
    ['an IPv6 address with two gaps', Buffer.from('PROXY TCP6 1::2::3 ::1 1 2\r\n')],
    ['an IPv6 address with a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n')],
    ['a port with a sign', Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n')],
    ['a line that is too long', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`)],
    ['another word', Buffer.from('PROXYTCP4 1.2.3.4 5.6.7.8 1 2\r\n')],
    ['a magic that is none', Buffer.from('0d0a0d0a000d0a515549540b2111000c' + V4, 'hex')],
    ['version 1 in a binary header', v2('1111000c', V4)],
    ['an unknown command', v2('2211000c', V4)],
    ['a UNIX socket', v2('213100d8', '00'.repeat(216))],
    ['addresses cut short', v2('2111000b', V4.slice(2))],
    ['a TLV without its length', v2('2111000d', `${V4}04`)],
    ['a TLV that runs over', v2('21110010', `${V4}04000205`)],
    ['more than the limit', v2('2111ffff', V4)],
  ])('is refused: %s', (_name, bytes) => expect(readProxyHeader(bytes).state).toBe('refused'))

  it('is refused as soon as it is too long, not when it has come', () => {
    expect(readProxyHeader(v2(`2111${(PROXY_HEADER_LIMIT - 15).toString(16)}`, '')).state).toBe('refused')
    expect(readProxyHeader(v2(`2111${(PROXY_HEADER_LIMIT - 16).toString(16)}`, '')).state).toBe('more')
    expect(readProxyHeader(Buffer.alloc(107, 'PROXY ')).state).toBe('refused')
  })
})

it.each([
  ['2001:db8::9', '20010db8000000000000000000000009'],
  ['::', '00'.repeat(16)],
  ['::1', '00'.repeat(15) + '01'],
  ['1:0:2::', '0001000000020000' + '00'.repeat(8)],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['203.0.113.9', '00000000000000000000ffffcb007109'],
])('tells the address %s as RFC 5952 writes it', (text, hex) => {
  expect(readProxyHeader(v2('21210024', `${hex}${'00'.repeat(15)}01c73801bb`))).toMatchObject({ source: { host: text, port: 51_000 } })
})

it('takes a header of the unspecified family for the real address', () => {
  expect(readProxyHeader(v2('21000003', '040000'))).toMatchObject({ state: 'header', length: 19, source: undefined })
})
