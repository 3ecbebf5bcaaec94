// transcripts.json: MySQL sessions through a Teleport 13.0.0-dev up to its OK or ERR, captured, fixtures/teleport-13/database.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ALPN, databaseAlpn } from '../../../shared/protocols.ts'
import { Dice, mutate } from '../../fuzz/mutate.ts'
import { NO_IDENTITY, type Identity } from '../../../electron/wire/identity.ts'
import {
  encodeAgentOk,
  encodeError,
  encodeGreeting,
  encodeOk,
  HANDSHAKE_LIMIT,
  readHandshakeResponse,
  readOkOrError,
  readPacket,
  versionFromAlpn,
} from '../../../electron/wire/mysql.ts'
import { DEFAULT_MYSQL_VERSION, serveMysql, type MysqlCaller } from '../../../electron/cluster/database/mysql-service.ts'
import { duplexPair } from '../../../electron/cluster/database/duplex-pair.ts'
import type { Hop } from '../../../electron/cluster/database/dial-agent.ts'
import { MysqlThreads } from '../../../electron/cluster/database/mysql-threads.ts'
import { splice } from '../../../electron/cluster/database/splice.ts'
import { clusterNotFound, databaseNotFound, DENIED, NO_AGENT, Refusal } from '../../../electron/cluster/database/refusal.ts'

interface Transcript {
  readonly name: string
  readonly alpn: readonly string[]
  readonly steps: readonly { readonly from: 'client' | 'server'; readonly layer: 'outer' | 'inner'; readonly hex: string }[]
}
const transcripts = JSON.parse(readFileSync(new URL('transcripts.json', import.meta.url), 'utf8')) as readonly Transcript[]

/** Connection ids and salts differ each time. */
function masked(packet: Buffer): string {
  const copy = Buffer.from(packet)
  if (copy[4] === 0x0a) {
    const version = copy.indexOf(0, 5)
    copy.fill(0, version + 1, version + 13).fill(0, version + 32, version + 44)
  }
  if (copy[4] === 0xfe) copy.fill(0, copy.length - 21, copy.length - 1)
  return copy.toString('hex')
}
const versionOf = (greeting: Buffer): string => greeting.toString('latin1', 5, greeting.indexOf(0, 5))
const soon = (ms = 5): Promise<void> => new Promise(next => setTimeout(next, ms))

const alice: Identity = {
  ...NO_IDENTITY,
  username: 'alice',
  routeToDatabase: { ServiceName: 'maria', Protocol: 'mysql', Username: 'alice', Database: 'app' },
}

/** What the cluster and its agent say in each case. */
async function connectFor(name: string, { identity }: MysqlCaller): Promise<Hop> {
  if (identity === undefined) throw new Refusal(clusterNotFound(''))
  if (name.includes('unknown-database')) throw new Refusal(databaseNotFound('nosuch', 'root.example'))
  if (name.includes('login-certificate')) throw new Refusal(databaseNotFound('', 'root.example'))
  if (name.startsWith('down-agent')) throw new Refusal(NO_AGENT)
  const [near, far] = duplexPair()
  // The agent's packets have no state, as it negotiated nothing.
  const error = (message: string): Buffer =>
    Buffer.concat([Buffer.from([3 + message.length, 0, 0, 1, 0xff, 0x51, 4]), Buffer.from(message)])
  if (name.includes('denied')) far.write(error(DENIED))
  else if (identity.routeToDatabase?.Username === 'nosuchuser') {
    far.write(error("ERROR 1045 (28000): Access denied for user 'nosuchuser'@'127.0.0.1' (using password: NO)"))
  } else far.write(Buffer.from([3, 0, 0, 1, 0, 0, 0]))
  return { handsOver: false, stream: near, relay: client => splice(client, near) }
}

describe('the proxy answers byte for byte as captured', () => {
  it.each(transcripts)('$name', async ({ name, alpn, steps }) => {
    const passthrough = name.includes('passthrough')
    const first = Buffer.from(steps[0]!.hex, 'hex')
    const [client, outer] = duplexPair()
    const [innerClient, inner] = duplexPair()
    let heard: Buffer = Buffer.alloc(0)
    client.on('data', chunk => (heard = Buffer.concat([heard, chunk])))
    innerClient.on('data', chunk => (heard = Buffer.concat([heard, chunk])))
    const connected: MysqlCaller[] = []
    const served = serveMysql(
      outer,
      {
        sni: 'localhost',
        offered: alpn,
        negotiated: undefined,
        client: { host: '127.0.0.1', port: 46_068 },
        identity: passthrough ? undefined : alice,
        peerCertificate: undefined,
      },
      {
        version: passthrough ? (versionFromAlpn(alpn) ?? DEFAULT_MYSQL_VERSION) : versionOf(first),
        ...(passthrough ? { innerTls: async () => ({ stream: inner, identity: alice, peerCertificate: undefined }) } : {}),
        connect: caller => {
          connected.push(caller)
          return connectFor(name, caller)
        },
        threads: new MysqlThreads(),
        refused: () => {},
      },
    )
    let expected = ''
    for (const { from, layer, hex } of steps) {
      if (from === 'client') (layer === 'inner' ? innerClient : client).write(Buffer.from(hex, 'hex'))
      else expected += masked(Buffer.from(hex, 'hex'))
      await soon()
    }
    await soon(20)
    const packets: string[] = []
    for (let rest = heard; rest.length > 0;) {
      const found = readPacket(rest)
      if (found.state !== 'packet') throw new Error(found.state)
      packets.push(masked(rest.subarray(0, found.length)))
      rest = rest.subarray(found.length)
    }
    expect(packets.join('')).toBe(expected)
    if (name === 'mysql-tunnel-no-db') expect(connected[0]?.identity?.routeToDatabase).toMatchObject({ Username: 'alice', Database: 'app' })
    client.destroy()
    innerClient.destroy()
    await served
  })
})

describe('the handshake response', () => {
  const answers = transcripts.flatMap(({ name, steps }) =>
    steps
      .filter(({ from, hex }) => from === 'client' && hex.length > 80)
      .map(({ hex }) => ({ name, payload: Buffer.from(hex, 'hex').subarray(4) })),
  )
  it.each(answers)('of $name gives nothing when it is cut short anywhere', ({ payload }) => {
    expect(readHandshakeResponse(payload)).toMatchObject({ kind: 'response' })
    const plugin = payload.indexOf('mysql_native_password')
    for (let cut = 0; cut < (plugin < 0 ? payload.length : plugin); cut++) {
      const found = readHandshakeResponse(payload.subarray(0, cut))
      // Without the last fields it is still an answer: old clients leave them out.
      if (found?.kind === 'response') expect(cut).toBeGreaterThan(33)
    }
  })

  it('is read with every form of authentication data', () => {
    const head = (flags: number): Buffer => {
      const fixed = Buffer.alloc(32)
      fixed.writeUInt32LE(flags)
      return fixed
    }
    const rest = (auth: Buffer): Buffer => Buffer.concat([Buffer.from('bob\0'), auth])
    const data = Buffer.alloc(20, 1)
    const read = (flags: number, auth: Buffer): number | undefined => {
      const found = readHandshakeResponse(Buffer.concat([head(flags), rest(auth)]))
      return found?.kind === 'response' ? found.authData.length : undefined
    }
    expect(read(0x200, Buffer.concat([data, Buffer.from([0])]))).toBe(20)
    expect(read(0x8200, Buffer.concat([Buffer.from([20]), data]))).toBe(20)
    expect(read(0x20_8200, Buffer.concat([Buffer.from([20]), data]))).toBe(20)
    expect(read(0x20_8200, Buffer.concat([Buffer.from([0xfc, 44, 1]), Buffer.alloc(300)]))).toBe(300)
    expect(read(0x20_8200, Buffer.from([0xfd, 1, 0, 0, 0]))).toBeUndefined()
    expect(read(0x8000, Buffer.concat([Buffer.from([20]), data]))).toBeUndefined()
  })
})

it('waits for a whole packet and takes none that is too long', () => {
  const packet = encodeOk(2)
  for (let cut = 0; cut < packet.length; cut++) expect(readPacket(packet.subarray(0, cut)).state).toBe('more')
  expect(readPacket(packet)).toMatchObject({ state: 'packet', length: packet.length, sequence: 2 })
  const long = Buffer.alloc(4)
  long.writeUIntLE(HANDSHAKE_LIMIT - 3, 0, 3)
  expect(readPacket(long).state).toBe('too-long')
  expect(encodeGreeting({ version: 'x', connectionId: 2 ** 32, salt: Buffer.alloc(20, 1), tls: false }).readUInt32LE(7)).toBe(0)
})

it('reads an agent’s OK with and without the database’s number of the connection', () => {
  expect(readOkOrError(Buffer.alloc(3))).toEqual({ kind: 'ok' })
  expect(readOkOrError(encodeOk(2).subarray(4))).toEqual({ kind: 'ok' })
  expect(readOkOrError(encodeAgentOk(4_000_000_000).subarray(4))).toEqual({ kind: 'ok', thread: 4_000_000_000 })
})

it('reads an agent’s ERR with and without a state', () => {
  const error = { code: 1_049, sqlState: '42000', message: 'Unknown database' }
  expect(readOkOrError(encodeError(1, error).subarray(4))).toEqual({ kind: 'error', error })
  expect(readOkOrError(Buffer.from('ff51046e6f', 'hex'))).toEqual({
    kind: 'error',
    error: { code: 1_105, sqlState: 'HY000', message: 'no' },
  })
  expect(readOkOrError(Buffer.from([0xff, 1]))).toBeUndefined()
  expect(readOkOrError(Buffer.from([0xfe]))).toBeUndefined()
})

describe('the version in an offer', () => {
  const V = `${ALPN.mysql}-`
  it.each([
    [[`${V}OC4wLjEy`], '8.0.12'],
    [[ALPN.mysql], undefined],
    [[`${ALPN.mysql}-ping`], undefined],
    [[V], undefined],
    [[V, ALPN.mysql], undefined],
    [[`${V}!!!`, ALPN.mysql], undefined],
    [[ALPN.mysql, `${V}!!!`, `${V}OC4wLjEy`], '8.0.12'],
    [[`${V}OC4wLjEy-ping`], undefined],
    [[`${ALPN.mysql}xyz`, 'http/1.1'], undefined],
    [['http/1.1'], undefined],
    [[`${V}${Buffer.alloc(600, 'a').toString('base64')}`], 'a'.repeat(180)],
  ])('of %j is %s', (offered, version) => expect(versionFromAlpn(offered)).toBe(version))

  it('is the last of what a client offers, as tsh does, where it fits', () => {
    const offered = (version: string): readonly string[] => databaseAlpn('mysql', Buffer.from(version).toString('base64'))!
    expect(offered('10.11.6-MariaDB')).toEqual([`${V}ping`, ALPN.mysql, `${V}MTAuMTEuNi1NYXJpYURC`])
    expect(versionFromAlpn(offered('8.0.12 ü'))).toBe('8.0.12 ü')
    expect(offered('a'.repeat(300))).toHaveLength(2)
    expect(offered('')).toHaveLength(2)
    expect(databaseAlpn('postgres', 'OC4wLjEy')).toHaveLength(2)
  })
})

it('mutated client packets give an answer or none, never an error', () => {
  const dice = new Dice(57)
  const seeds = transcripts.flatMap(({ steps }) => steps.map(({ hex }) => Buffer.from(hex, 'hex')))
  for (let index = 0; index < 50_000; index++) {
    const bytes = mutate(dice, seeds)
    const found = readPacket(bytes)
    if (found.state !== 'packet') continue
    readHandshakeResponse(found.payload)
    readOkOrError(found.payload)
  }
})
