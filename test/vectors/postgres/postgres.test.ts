// transcripts.json: bytes of Postgres sessions per direction and TLS layer (ping framing removed), captured from Teleport 13.0.0-dev
// in front of PostgreSQL 15, fixtures/teleport-13/database (pg-* and down-*-pg-*).
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  authenticationOk,
  backendKeyData,
  encodeCancel,
  encodeStartup,
  errorResponse,
  FIRST_PACKET_LIMIT,
  GSS_REQUEST,
  MessageReader,
  parameterStatus,
  readErrorResponse,
  readFirstPacket,
  readyForQuery,
  SSL_REQUEST,
  type FirstPacket,
  type Message,
} from '../../../electron/wire/postgres.ts'

type Transcript = { readonly name: string } & Readonly<Partial<Record<`${'outer' | 'inner'}-${'client' | 'server'}`, string>>>
const transcripts = JSON.parse(readFileSync(new URL('transcripts.json', import.meta.url), 'utf8')) as Transcript[]
const streams = (from: 'client' | 'server'): readonly { name: string; bytes: Buffer }[] =>
  transcripts.flatMap(transcript =>
    (['outer', 'inner'] as const).flatMap(layer => {
      const hex = transcript[`${layer}-${from}`]
      return hex === undefined ? [] : [{ name: `${transcript.name} ${layer}`, bytes: Buffer.from(hex, 'hex') }]
    }),
  )

/** The untyped packets that open a client's stream, and what follows them. */
function firstPackets(bytes: Buffer): { packets: FirstPacket[]; rest: Buffer; end: string } {
  const packets: FirstPacket[] = []
  for (let rest = bytes; ;) {
    const read = readFirstPacket(rest)
    if (read.state !== 'packet') return { packets, rest, end: read.state }
    packets.push(read.packet)
    rest = rest.subarray(read.length)
    if (read.packet.kind === 'startup' || read.packet.kind === 'cancel') return { packets, rest, end: 'started' }
  }
}

function messagesOf(bytes: Buffer, cut: number): Message[] {
  const [reader, messages] = [new MessageReader(), [] as Message[]]
  for (let at = 0; at < bytes.length; at += cut) {
    reader.push(bytes.subarray(at, at + cut))
    for (let next = reader.next(); next !== undefined; next = reader.next()) messages.push(next)
  }
  expect(reader.rest().length).toBe(0)
  return messages
}

/** What a server says before its first message: the answers to SSLRequest and GSSENCRequest. */
const typed = (bytes: Buffer): Buffer => bytes.subarray(/^[SN]{0,2}(?=[RE]\0|$)/.exec(bytes.toString('latin1'))?.[0].length ?? 0)

describe('first packets of captured clients', () => {
  it.each(streams('client'))('$name: read whole, and not before it is', ({ name, bytes }) => {
    const { packets, rest, end } = firstPackets(bytes)
    if (name.includes('garbage')) {
      expect(end).toBe('malformed')
      return
    }
    expect(packets.length).toBeGreaterThan(0)
    expect(rest.length === 0 || /^[QX]/.test(rest.toString('latin1'))).toBe(true)
    const read = readFirstPacket(bytes)
    if (read.state !== 'packet') throw new Error('no packet')
    for (let length = 0; length < read.length; length++) expect(readFirstPacket(bytes.subarray(0, length)).state).toBe('more')
    expect(readFirstPacket(bytes.subarray(0, read.length))).toEqual(read)
  })

  it('are what tsh, psql and the capturing client sent', () => {
    const packets = (name: string): FirstPacket[] =>
      firstPackets(streams('client').find(stream => stream.name === `${name} outer`)!.bytes).packets
    expect(packets('pg-tunnel')).toEqual([
      { kind: 'ssl' },
      {
        kind: 'startup',
        major: 3,
        minor: 0,
        parameters: new Map([
          ['user', 'alice'],
          ['database', 'app'],
          ['application_name', 'psql'],
          ['client_encoding', 'UTF8'],
        ]),
      },
    ])
    expect(packets('pg-tunnel-gss-then-ssl').map(({ kind }) => kind)).toEqual(['gss', 'ssl', 'startup'])
    expect(packets('pg-cancel-tunnel')).toEqual([{ kind: 'cancel', processId: 0x3ece, secretKey: 0xf709a472 }])
    expect(packets('pg-tunnel-protocol-3.2')).toMatchObject([{ kind: 'startup', major: 3, minor: 2 }])
    expect(packets('pg-tunnel-empty-startup')).toEqual([{ kind: 'startup', major: 3, minor: 0, parameters: new Map() }])
  })
})

describe('messages of captured servers', () => {
  const readable = streams('server').filter(({ name }) => !name.includes('wrong-protocol outer'))
  it.each(readable)('$name: cut in any way, the same', ({ bytes }) => {
    const messages = typed(bytes)
    const whole = messagesOf(messages, messages.length || 1)
    expect(Buffer.concat(whole.map(message => message.whole)).equals(messages)).toBe(true)
    for (const cut of [1, 2, 5, 6, 50]) expect(messagesOf(messages, cut)).toEqual(whole)
  })

  it.each(readable)('$name: encoded again, byte for byte', ({ bytes }) => {
    for (const { type, body, whole } of messagesOf(typed(bytes), 1_000)) {
      const words = body.toString('utf8').split('\0')
      const again =
        type === 'R'
          ? authenticationOk()
          : type === 'K'
            ? backendKeyData(body.readUInt32BE(0), body.readUInt32BE(4))
            : type === 'S'
              ? parameterStatus(words[0]!, words[1]!)
              : type === 'Z'
                ? readyForQuery(body.toString() as 'I')
                : type === 'E' && body[0] === 0x4d
                  ? errorResponse({ message: readErrorResponse(body).get('M')! })
                  : whole
      expect(again).toEqual(whole)
    }
  })

  it('carry Teleport errors as M alone, and real ones with their fields', () => {
    const first = (name: string): Map<string, string> =>
      readErrorResponse(messagesOf(typed(streams('server').find(stream => stream.name === `${name} outer`)!.bytes), 999)[0]!.body)
    expect([...first('pg-no-certificate-startup')]).toEqual([['M', 'cluster "" is not found']])
    expect([...first('pg-tunnel-denied-database')]).toEqual([
      ['M', 'access to db denied. User does not have permissions. Confirm database user and name.'],
    ])
    expect([...first('pg-tunnel-other-database').keys()]).toEqual(['S', 'C', 'M'])
    expect(first('pg-tunnel-other-database').get('C')).toBe('3D000')
  })
})

describe('encoders', () => {
  it('write the fixed requests', () => {
    expect(SSL_REQUEST.toString('hex')).toBe('0000000804d2162f')
    expect(GSS_REQUEST.toString('hex')).toBe('0000000804d21630')
    expect(encodeCancel(0x3ecf, 0xf709a472).toString('hex')).toBe('0000001004d2162e00003ecff709a472')
  })
  it('write a startup that reads back, from a map or a record', () => {
    const parameters = new Map([
      ['user', 'älice'],
      ['database', 'app'],
      ['options', ''],
    ])
    expect(readFirstPacket(encodeStartup(parameters))).toMatchObject({
      state: 'packet',
      packet: { kind: 'startup', major: 3, minor: 0, parameters },
    })
    expect(encodeStartup(Object.fromEntries(parameters))).toEqual(encodeStartup(parameters))
  })
  it('refuse what would be read as something else', () => {
    expect(() => encodeStartup({ user: 'a\0b' })).toThrow(/wire\/malformed/)
    expect(() => encodeStartup({ '': 'a' })).toThrow(/wire\/malformed/)
    expect(() => encodeStartup({ user: 'x'.repeat(FIRST_PACKET_LIMIT) })).toThrow(/wire\/too-long/)
  })
  it('keep hostile error text inside its field', () => {
    const [message] = messagesOf(errorResponse({ message: 'a\0Cb', severity: 'ERROR', code: '28000' }), 999)
    expect([...readErrorResponse(message!.body)]).toEqual([
      ['S', 'ERROR'],
      ['C', '28000'],
      ['M', 'aCb'],
    ])
  })
})

describe('limits', () => {
  it.each([
    ['length 7', '0000000700030000'],
    ['length 10001', '0000271100030000'],
    ['length 4294967295', 'ffffffff00030000'],
    ['length 9 of request 80877103', '0000000904d2162f00'],
    ['length 17 of request 80877102', '0000001104d2162e'],
    ['startup parameters', '0000000a000300007500'],
    ['startup parameters', '0000000e00030000750076000000'],
    ['startup parameters', '0000000c0003000000000000'],
    ['startup parameters', '0000000800030000'],
  ])('a first packet is refused for its %s', (why, hex) => {
    expect(readFirstPacket(Buffer.from(hex, 'hex'))).toEqual({ state: 'malformed', why })
  })
  it('a message is refused as soon as its length is known', () => {
    const push = (hex: string): MessageReader => {
      const reader = new MessageReader(100)
      reader.push(Buffer.from(hex, 'hex'))
      return reader
    }
    expect(() => push('4400000064').next()).toThrow(/wire\/too-long/)
    expect(() => push('44ffffffff').next()).toThrow(/wire\/too-long/)
    expect(() => push('4400000003').next()).toThrow(/wire\/malformed/)
    expect(push('4400000063').next()).toBeUndefined()
    expect(push('44000000').next()).toBeUndefined()
  })
})

it('answers every damaged first packet with one of its three states, and never reads past the end', () => {
  const seeds = streams('client').map(({ bytes }) => bytes.subarray(0, 120))
  const damage = fc.array(fc.tuple(fc.nat(119), fc.nat(255)), { maxLength: 6 })
  fc.assert(
    fc.property(fc.nat(seeds.length - 1), damage, (which, changes) => {
      const bytes = Buffer.from(seeds[which]!)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      const read = readFirstPacket(bytes)
      return read.state !== 'packet' || read.length <= bytes.length
    }),
    { numRuns: 20_000 },
  )
})
