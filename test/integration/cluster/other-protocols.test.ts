import { readFileSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NO_LOG } from '../../../electron/log/log.ts'
import { startLab, type Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { encodeStartup, SSL_REQUEST } from '../../../electron/wire/postgres.ts'
import { ALPN } from '../../../shared/protocols.ts'
import { request } from '../router/upgrade-under-test.ts'
import { WebSocketClient } from '../router/websocket-client.ts'
import { certificateFor, dialLab, type Certificate } from './lab-client.ts'

let lab: Lab
let orders: Certificate
let login: Certificate
let asMysql: Certificate
beforeAll(async () => {
  lab = await startLab({ home: '', ephemeral: true, listen: { host: '127.0.0.1', port: 0 }, log: NO_LOG })
  orders = await certificateFor(lab, 'alice', { ServiceName: 'orders', Username: 'alice', Database: 'shop' })
  login = await certificateFor(lab, 'alice', undefined, [])
  asMysql = await certificateFor(lab, 'alice', { ServiceName: 'orders', Protocol: 'mysql', Username: 'alice', Database: 'shop' })
}, 90_000)
afterAll(() => lab?.close(0))

/** Packets of a captured client, fixtures/teleport-13/database. */
const transcripts = JSON.parse(readFileSync(new URL('../../vectors/mysql/transcripts.json', import.meta.url), 'utf8')) as readonly {
  readonly name: string
  readonly steps: readonly { readonly from: string; readonly hex: string }[]
}[]
const packetsOf = (name: string): readonly Buffer[] =>
  transcripts.find(row => row.name === name)!.steps.flatMap(({ from, hex }) => (from === 'client' ? [Buffer.from(hex, 'hex')] : []))
const STARTUP = encodeStartup({ user: 'alice', database: 'shop' })

const next = (stream: Duplex): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    stream
      .once('data', resolve)
      .once('error', reject)
      .once('close', () => reject(new Error('closed')))
  })

function inner(below: Duplex, certificate: Certificate | undefined, alpn: readonly string[] = []): Promise<TLSSocket> {
  const ca = lab.running.auth.ca('host').tls
  return new Promise((resolve, reject) => {
    const options = { ca: [...ca], servername: 'localhost', ...(alpn.length > 0 ? { ALPNProtocols: [...alpn] } : {}), ...certificate }
    const secure: TLSSocket = connectTls({ socket: below, ...options }, () => resolve(secure)).on('error', reject)
  })
}

describe('MySQL', () => {
  it('is greeted, with TLS offered; without TLS nobody is anybody', async () => {
    const socket = await dialLab(lab, undefined, [ALPN.mysql])
    const greeting = await next(socket)
    expect(greeting.toString('latin1', 4, 20)).toBe('\n8.0.0-Teleport\0')
    socket.write(packetsOf('mysql-passthrough-no-ssl')[0]!)
    expect((await next(socket)).toString('latin1', 7)).toBe('#HY000cluster "" is not found')
  })

  it.each([
    ['login', () => login, 'database "" not found among registered databases in cluster "lab"'],
    ['database', () => asMysql, 'failed to connect to any of the database servers'],
  ] as const)('inside TLS a %s certificate is told why there is no session', async (_name, certificate, words) => {
    const socket = await dialLab(lab, undefined, [ALPN.mysql])
    await next(socket)
    const [ask, answer] = packetsOf('mysql-passthrough')
    socket.write(ask!)
    const secure = await inner(socket, certificate())
    secure.write(answer!)
    expect((await next(secure)).toString('utf8', 7).replace(lab.running.clusterName, 'lab')).toBe(`#HY000${words}`)
  })

  it('with the certificate outside is greeted without TLS, whatever the name says', async () => {
    for (const alpn of [ALPN.mysql, ALPN.postgres, ALPN.http11]) {
      const socket = await dialLab(lab, asMysql, [alpn])
      const greeting = await next(socket)
      expect(greeting.readUInt16LE(4 + 1 + '8.0.0-Teleport'.length + 1 + 13)).toBe(0xa20d)
      socket.write(packetsOf('mysql-tunnel')[0]!)
      expect((await next(socket)).toString('utf8', 7)).toBe('#HY000failed to connect to any of the database servers')
    }
  })
})

it('a Postgres certificate inside another database’s name gets its Postgres session', async () => {
  const socket = await dialLab(lab, undefined, [ALPN.redis])
  const secure = await inner(socket, orders)
  secure.write(SSL_REQUEST)
  expect(String(await next(secure))).toBe('N')
  secure.write(STARTUP)
  expect((await next(secure)).toString('latin1', 0, 1)).toBe('R')
  secure.destroy()
})

it('a database is reached through a connection upgrade, verified by the host authority', async () => {
  const { stream } = await request(lab.running.address.port, [
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: alpn-ping',
  ])
  const secure = await inner(new WebSocketClient(stream, 'zero'), orders, [ALPN.postgres])
  expect([secure.authorized, secure.alpnProtocol]).toEqual([true, ALPN.postgres])
  secure.write(STARTUP)
  expect((await next(secure)).toString('latin1', 0, 1)).toBe('R')
  secure.destroy()
  stream.destroy()
})

it('a TCP application’s name ends after the handshake, as nothing is behind it', async () => {
  const socket = await dialLab(lab, login, [ALPN.tcp])
  await new Promise(resolve => socket.resume().once('end', resolve))
  expect(socket.alpnProtocol).toBe(ALPN.tcp)
})
