import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALPN, authAlpn, PING_SUFFIX } from '../../../shared/protocols.ts'
import { encodeClusterSni } from '../../../electron/wire/cluster-name.ts'
import { serveTls } from '../../../electron/cluster/router/tls-server.ts'
import { clientPair, newCa, serverPair } from './certificates.ts'
import { ask, eventually, openUnderTest, rawAsk, type UnderTest } from './router-under-test.ts'

const PING = ALPN.postgres + PING_SUFFIX
const AUTH = authAlpn(encodeClusterSni('root.example'))
const database = { routeToDatabase: { ServiceName: 'pg', Protocol: 'postgres', Username: 'alice', Database: 'app' } }

let under: UnderTest
beforeAll(async () => {
  under = await openUnderTest()
})
afterAll(() => under.close())

const answer = async (alpn: readonly string[] | undefined, more = {}): Promise<string> => {
  const seen = await ask(under.port, { ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }), ...more })
  const framed = typeof seen.negotiated === 'string' && seen.negotiated.endsWith(PING_SUFFIX)
  const alert = /ALERT_([A-Z_]+)/.exec(seen.error?.code ?? '')?.[1]
  if (alert !== undefined) return alert
  return seen.handshake
    ? `${seen.negotiated || '-'} ${
        seen.bytes
          .subarray(framed ? 4 : 0)
          .toString()
          .trim() || 'closed'
      }`
    : 'closed'
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('the router, asked with %s', version => {
  const only = { minVersion: version, maxVersion: version }
  it.each([
    [['http/1.1'], 'http/1.1 web'],
    [['h2'], 'h2 web'],
    [['h2', 'http/1.1'], 'http/1.1 web'],
    [undefined, '- web'],
    [[ALPN.postgres], `${ALPN.postgres} postgres`],
    [[PING], `${PING} postgres`],
    [[ALPN.postgres, PING], `${PING} postgres`],
    [[ALPN.postgres, 'h2'], 'h2 postgres'],
    [['h2', ALPN.postgres], 'h2 web'],
    [['h2', PING], `${PING} web`],
    [['no-such-name', ALPN.postgres], `${ALPN.postgres} postgres`],
    [['no-such-name', 'nor-this'], 'closed'],
    [['HTTP/1.1'], 'closed'],
    [['h2', AUTH], 'h2 web'],
    [['nonsense', AUTH, 'h2'], 'closed'],
    [[authAlpn(encodeClusterSni('other')), 'h2'], 'closed'],
    [[ALPN.auth, 'h2'], 'closed'],
    [[authAlpn('root.example'), 'h2'], 'closed'],
  ])('answers the offer %j with "%s"', async (alpn, expected) => {
    expect(await answer(alpn, only)).toBe(expected)
  })

  it('lets a certificate that names a database win over every name it ends TLS for', async () => {
    const certificate = await clientPair(under.userCa, database)
    for (const alpn of [undefined, ['http/1.1'], ['h2'], [ALPN.postgres], [PING]]) {
      expect(await answer(alpn, { ...only, ...certificate })).toBe(`${alpn?.[0] ?? '-'} database`)
    }
    expect(under.handed.at(-1)?.handshake.identity?.routeToDatabase?.ServiceName).toBe('pg')
    expect(under.handed.at(-1)?.handshake.identity?.username).toBe('alice')
  })

  it('keeps to the name when the certificate names no database', async () => {
    const certificate = await clientPair(under.userCa, {})
    expect(await answer(['http/1.1'], { ...only, ...certificate })).toBe('http/1.1 web')
    expect(under.handed.at(-1)?.handshake.identity?.username).toBe('alice')
  })

  it('hands no stream over for a certificate of a foreign CA', async () => {
    const foreign = await clientPair(await newCa('root.example'), database)
    const before = under.handed.length
    for (const alpn of ['http/1.1', ALPN.postgres]) {
      const seen = await ask(under.port, { ...only, ...foreign, ALPNProtocols: [alpn] })
      expect(seen.bytes.length).toBe(0)
    }
    expect(under.handed.length).toBe(before)
  })

  it('refuses a certificate that comes with another behind it', async () => {
    const own = await clientPair(under.userCa, database)
    const seen = await ask(under.port, { ...only, key: own.key, cert: own.cert + under.userCa.cert, ALPNProtocols: [ALPN.postgres] })
    expect(seen.bytes.length).toBe(0)
    await eventually(() => under.lines.some(line => String(line['cause']).includes('chain')))
  })
})

it('forwards an auth connection untouched, so that the auth service ends its TLS', async () => {
  const ca = await newCa('auth')
  const pair = await serverPair(ca, 'auth-host')
  const served = await openUnderTest({
    handlers: {
      web: () => {},
      postgres: () => {},
      database: () => {},
      auth: async stream => {
        const {
          stream: secure,
          negotiated,
          sni,
        } = await serveTls(stream, { keyPair: pair, clientCas: [], clientCertificate: 'none', alpn: ['h2'], deadlineMs: 2_000 })
        secure.end(`auth ${negotiated} ${sni}\n`)
      },
    },
  })
  const seen = await ask(served.port, {
    ALPNProtocols: [AUTH, 'h2'],
    servername: encodeClusterSni('root.example'),
    ca: [ca.cert],
    checkServerIdentity: () => undefined,
    rejectUnauthorized: true,
  })
  expect(seen.error).toBeUndefined()
  expect(seen.bytes.toString()).toBe(`auth h2 ${encodeClusterSni('root.example')}\n`)
  await served.close()
})

it('gives a Postgres client on the bare port to the Postgres handler, with its packet put back', async () => {
  const asked = await rawAsk(under.port, ['0000000804d2162f'], { waitMs: 200 })
  expect(asked.bytes.toString('latin1')).toBe('postgres\n\0\0\0\x08\x04\xd2\x16/')
  const cut = await rawAsk(under.port, ['00000008', '04d21630'], { gapMs: 100, waitMs: 400 })
  expect(cut.bytes.toString('latin1')).toBe('postgres\n\0\0\0\x08\x04\xd2\x160')
})

it('writes one line per connection that tells who asked for what and how it ended', async () => {
  await ask(under.port, { ALPNProtocols: ['line-test', 'h2'] })
  await eventually(() => under.lines.some(line => String(line['offered']).includes('line-test')))
  const line = under.lines.find(({ offered }) => String(offered).includes('line-test'))
  expect(line).toMatchObject({ event: 'router.connection', route: 'web', sni: 'localhost', negotiated: 'h2', offered: ['line-test', 'h2'] })
  expect(line?.['bytesIn']).toBeGreaterThan(100)
})
