import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openAuth, type OpenAuth } from '../../../electron/cluster/auth/open-auth.ts'
import type { SecondFactor } from '../../../electron/cluster/auth/auth.ts'
import { duplexPair } from '../../../electron/cluster/database/duplex-pair.ts'
import type { Handshake } from '../../../electron/cluster/router/route.ts'
import { openMemoryStorage } from '../../../electron/cluster/storage/memory-storage.ts'
import { openWebApi, type WebApi } from '../../../electron/cluster/web/web-api.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { ALPN } from '../../../shared/protocols.ts'

const captured = (name: string): Buffer => readFileSync(join(import.meta.dirname, 'captured', name))
const { secret_base32: totpSecret } = JSON.parse(captured('otp-totp-secret.json').toString())
const codes = JSON.parse(captured('otp-totp-codes.json').toString())

interface Server {
  readonly api: WebApi
  readonly auth: OpenAuth
  now: number
}

/** The clusters' keys are made once: that is what takes time. */
const CAPTURED = Date.parse('2026-11-23T02:05:03Z')
const storages = { off: openMemoryStorage({ now: () => CAPTURED }), otp: openMemoryStorage({ now: () => CAPTURED }) }

const open: WebApi[] = []
afterEach(() => open.splice(0).forEach(api => api.close()))

async function server(secondFactor: SecondFactor): Promise<Server> {
  const state = { now: CAPTURED }
  const now = (): number => state.now
  const [clusterName, host, port] =
    secondFactor === 'off' ? (['root.example', 'localhost', 13_080] as const) : (['second.example', '127.0.0.1', 14_080] as const)
  const auth = await openAuth({ clusterName, storage: storages[secondFactor], secondFactor, log: NO_LOG, now })
  await auth.createRole({
    name: 'lab-access',
    maxSessionTtlMs: 30 * 3_600_000,
    allow: { logins: ['alice'], dbUsers: ['*'], dbNames: ['*'], dbLabels: { '*': ['*'] } },
    deny: { logins: [], dbUsers: [], dbNames: [], dbLabels: {} },
  })
  await auth.createUser({ name: secondFactor === 'off' ? 'alice' : 'otto', password: 'lab-password-1', roles: ['lab-access'], totpSecret })
  const api = openWebApi({ auth, listen: () => ({ host: '127.0.0.1', port }), publicAddresses: () => [{ host, port }], log: NO_LOG, now })
  open.push(api)
  return Object.assign(state, { api, auth })
}

let client = 0
const handshake = (ip: string, negotiated: string | undefined): Handshake => ({
  sni: 'localhost',
  offered: [],
  negotiated,
  client: { host: ip, port: 1 },
  identity: undefined,
  peerCertificate: undefined,
})

function exchange({ api }: Server, request: Buffer, ip = `192.0.2.${(client += 1) % 250}`, step = request.length): Promise<Buffer> {
  const [mine, theirs] = duplexPair()
  void api.serve(theirs, handshake(ip, ALPN.http11))
  const chunks: Buffer[] = []
  return new Promise(resolve => {
    mine.on('data', (chunk: Buffer) => chunks.push(chunk))
    mine.once('close', () => resolve(Buffer.concat(chunks)))
    mine.once('end', () => resolve(Buffer.concat(chunks)))
    for (let at = 0; at < request.length; at += step) mine.write(request.subarray(at, at + step))
  })
}

interface Parsed {
  readonly status: string
  readonly headers: readonly string[]
  readonly body: string
  readonly length: number | undefined
}

/** Dates are replaced; the length is compared with the body, since our version text is shorter than the captured one. */
function parse(response: Buffer): Parsed {
  const end = response.indexOf('\r\n\r\n')
  const [status = '', ...lines] = response.toString('latin1', 0, end).split('\r\n')
  const length = lines.find(line => line.startsWith('Content-Length: '))
  return {
    status,
    headers: lines.map(line => line.replace(/^(Date|Last-Modified): .*/, '$1: D').replace(/^Content-Length: .*/, 'Content-Length: N')),
    body: response.toString('utf8', end + 4).replace('13.0.0-dev', '13.0.0'),
    length: length === undefined ? undefined : Number(length.slice(16)),
  }
}

async function compare(against: Server, name: string): Promise<void> {
  const [got, wanted] = [parse(await exchange(against, captured(`${name}.request.txt`))), parse(captured(`${name}.response.txt`))]
  expect(got.length).toBe(Buffer.byteLength(got.body))
  expect({ ...got, length: 0 }).toEqual({ ...wanted, length: 0 })
}

describe('answers have the captured bytes', () => {
  test.each([
    'ping',
    'ping-no-alpn',
    'ping-v1-prefix',
    'ping-local',
    'ping-unknown-connector',
    'find',
    'motd',
    'not-found-webapi',
    'not-found-v1',
    'method-not-allowed',
    'unknown-host',
    'unknown-host-page',
    'auth-export-nope',
    'auth-export-jwt',
    'mfa-begin-off',
    'mfa-begin-off-passwordless',
    'mfa-begin-off-wrong-password',
    'ssh-certs-bad-key',
    'ssh-certs-malformed-json',
    'ssh-certs-no-content-type',
    'ssh-certs-text-plain',
    'ssh-certs-ttl-string',
    'ssh-certs-unknown-route',
    'ssh-certs-unknown-user',
    'ssh-certs-wrong-password',
  ])('second factor off: %s', async name => compare(await server('off'), name))

  test.each([
    'ping-otp',
    'ping-otp-local',
    'otp-mfa-begin',
    'otp-mfa-begin-wrong-password',
    'otp-mfa-finish-no-answer',
    'otp-mfa-finish-wrong-code',
    'otp-ssh-certs-wrong-otp',
    'otp-ssh-certs-no-otp',
    'otp-ssh-certs-letters-otp',
  ])('second factor otp: %s', async name => compare(await server('otp'), name))

  test('the 21st login in a row from one address is refused, and one more is let in 6 s later', async () => {
    const against = await server('off')
    const wrong = captured('ssh-certs-no-content-type.request.txt')
    for (let tries = 0; tries < 20; tries++) await exchange(against, wrong, '198.51.100.1')
    const got = parse(await exchange(against, captured('rate-limit-429.request.txt'), '198.51.100.1'))
    expect({ ...got, length: 0 }).toEqual({ ...parse(captured('rate-limit-429.response.txt')), length: 0 })
    expect(parse(await exchange(against, wrong, '198.51.100.2')).status).toContain('400')
    against.now += 6_000
    expect(parse(await exchange(against, wrong, '198.51.100.1')).status).toContain('400')
  }, 60_000)

  test.each([
    'auth-export-host',
    'auth-export-user',
    'auth-export-empty',
    'auth-export-no-type',
    'auth-export-tls',
    'auth-export-tls-host',
    'auth-export-tls-user',
    'auth-export-db',
  ])('%s has the captured form', async name => {
    const shape = (response: Buffer): unknown => {
      const { headers, body } = parse(response)
      return {
        headers,
        lines: body
          .replace(/[A-Za-z0-9+/=]{60,}/g, 'KEY')
          .replace(/(\n[A-Za-z0-9+/=]{1,64}(?=\n-))/g, '')
          .replace(/(KEY\n)+/g, 'KEY\n'),
      }
    }
    expect(shape(await exchange(await server('off'), captured(`${name}.request.txt`)))).toEqual(shape(captured(`${name}.response.txt`)))
  })
})

describe('a login', () => {
  const document = (response: Buffer): Record<string, unknown> => {
    const { status, body } = parse(response)
    expect(status).toBe('HTTP/1.1 200 OK')
    return JSON.parse(body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1))
  }

  test.each(['ssh-certs-ok', 'ssh-certs-content-type-charset', 'mfa-finish-off'])('%s gives exactly the captured fields', async name => {
    const got = document(await exchange(await server('off'), captured(`${name}.request.txt`)))
    const wanted = document(captured(`${name}.response.txt`))
    expect(Object.keys(got)).toEqual(Object.keys(wanted))
    expect(got['host_signers']).toMatchObject([{ domain_name: 'root.example' }])
    expect(Buffer.from(String(got['cert']), 'base64').toString()).toMatch(/^ssh-rsa-cert-v01@openssh\.com [A-Za-z0-9+/=]+\n$/)
    expect(Buffer.from(String(got['tls_cert']), 'base64').toString()).toMatch(
      /^-----BEGIN CERTIFICATE-----[^]+-----END CERTIFICATE-----\n$/,
    )
  })

  test('with a one-time code works once', async () => {
    const against = await server('otp')
    against.now = codes['ssh-certs-otp-ok'].unix_time * 1_000
    document(await exchange(against, captured('otp-ssh-certs-otp-ok.request.txt')))
    await compare(against, 'otp-ssh-certs-otp-reused')
    against.now = codes['mfa-finish-otp-ok'].unix_time * 1_000
    document(await exchange(against, captured('otp-mfa-finish-otp-ok.request.txt')))
  })

  test('takes the keys of v17, and refuses both generations together', async () => {
    const against = await server('off')
    const old = JSON.parse(captured('ssh-certs-ok.request.txt').toString().split('\r\n\r\n')[1]!)
    const post = (body: object): Promise<Buffer> => {
      const text = JSON.stringify(body)
      const head = `POST /v1/webapi/ssh/certs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n`
      return exchange(against, Buffer.from(head + text))
    }
    const { pub_key, ...rest } = old
    expect(Object.keys(document(await post({ ...rest, ssh_pub_key: pub_key })))).toEqual(['username', 'cert', 'tls_cert', 'host_signers'])
    expect(parse(await post({ ...old, ssh_pub_key: pub_key })).status).toBe('HTTP/1.1 400 Bad Request')
  })

  test('is the same when it comes byte by byte', async () => {
    document(await exchange(await server('off'), captured('ssh-certs-ok.request.txt'), '192.0.2.1', 1))
  })

  test('is refused when its body is longer than 10 MiB', async () => {
    const head = 'POST /webapi/ssh/certs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20000000\r\n\r\n'
    const got = await exchange(
      await server('off'),
      Buffer.concat([Buffer.from(head), Buffer.alloc(11 * 1024 * 1024, 0x20)]),
      '192.0.2.1',
      65_536,
    )
    expect(got.toString('latin1', 0, 12)).toBe('HTTP/1.1 413')
  })
})

test('serves HTTP/2 where that was negotiated', async () => {
  const { api } = await server('off')
  const [mine, theirs] = duplexPair()
  void api.serve(theirs, handshake('192.0.2.9', ALPN.h2))
  const session = connectHttp2('http://localhost', { createConnection: () => mine })
  const stream = session.request({ ':path': '/webapi/ping', ':authority': 'localhost' })
  const chunks: Buffer[] = []
  const headers = await new Promise<Record<string, unknown>>(resolve => {
    stream.once('response', resolve)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  })
  await new Promise(resolve => stream.once('end', resolve))
  expect(headers[':status']).toBe(200)
  expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ cluster_name: 'root.example' })
  session.close()
})

test('keeps an HTTP/1.1 connection for several requests', async () => {
  const against = await server('off')
  const request = captured('ping.request.txt').toString()
  const got = await exchange(against, Buffer.from(request.replace('Connection: close\r\n', '') + request))
  expect(got.toString().match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2)
})
