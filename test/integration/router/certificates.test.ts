import { createServer, type AddressInfo } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { expect, it } from 'vitest'
import { ALPN } from '../../../shared/protocols.ts'
import type { TlsConfiguration } from '../../../electron/cluster/router/tls-context.ts'
import { serveTls } from '../../../electron/cluster/router/tls-server.ts'
import { clientPair, newCa, serverPair } from './certificates.ts'
import { ask, eventually, openClient, openUnderTest } from './router-under-test.ts'

const database = { routeToDatabase: { ServiceName: 'pg', Protocol: 'postgres', Username: 'alice', Database: 'app' } }

/** The ticket that a connection got. TLS 1.3 sends it after the handshake. */
const ticketOf = (socket: TLSSocket): Promise<Buffer> =>
  new Promise(resolve => {
    if (socket.getProtocol() === 'TLSv1.2') return resolve(socket.getSession()!)
    socket.once('session', ticket => resolve(ticket))
    socket.resume()
  })

const line = (socket: TLSSocket): Promise<string> =>
  new Promise(resolve => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    let error = ''
    socket.once('close', () => resolve(`closed ${error}`.trim())).on('error', thrown => (error = thrown.message))
  })

it.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'routes a resumed %s connection by its certificate, until that certificate ends',
  async version => {
    let clock = Date.now()
    const under = await openUnderTest({ now: () => clock })
    const pair = await clientPair(under.userCa, database, clock + 60_000)
    const options = { ...pair, minVersion: version, maxVersion: version, ALPNProtocols: [ALPN.http11] }
    const first = await openClient(under.port, options)
    const session = await ticketOf(first)
    first.destroy()

    const second = await openClient(under.port, { ...options, session })
    expect(second.isSessionReused()).toBe(true)
    expect(await line(second)).toBe('database\n')
    second.destroy()

    clock += 120_000
    const third = await openClient(under.port, { ...options, session })
    expect(third.isSessionReused()).toBe(true)
    expect(await line(third)).toBe('closed')
    await eventually(() => under.lines.some(({ cause }) => cause === 'client certificate: expired'))
    await under.close()
  },
)

it('takes no tickets of another TLS configuration', async () => {
  const ca = await newCa('root.example')
  const [pair, other] = [await serverPair(ca, 'one'), await serverPair(ca, 'two')]
  const client = await clientPair(ca, database)
  const base: TlsConfiguration = { keyPair: pair, clientCas: [ca.cert], clientCertificate: 'optional', alpn: ['http/1.1'] }
  let configuration = base
  const server = createServer({ allowHalfOpen: true }, socket => {
    serveTls(socket, { ...configuration, deadlineMs: 2_000 }).then(
      ({ stream }) => stream.end('hello\n'),
      () => {},
    )
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const ask13 = { ...client, ALPNProtocols: ['http/1.1'] }
  const first = await openClient(port, ask13)
  const session = await ticketOf(first)
  first.destroy()
  const isResumed = async (next: TlsConfiguration): Promise<boolean> => {
    configuration = next
    const socket = await openClient(port, { ...ask13, session })
    const resumed = socket.isSessionReused()
    socket.on('error', () => {}).destroy()
    return resumed
  }
  expect(await isResumed({ ...base, clientCas: [...base.clientCas] })).toBe(true)
  expect(await isResumed({ ...base, clientCertificate: 'required' })).toBe(false)
  expect(await isResumed({ ...base, keyPair: other })).toBe(false)
  expect(await isResumed({ ...base, clientCas: [ca.cert, (await newCa('leaf')).cert] })).toBe(false)
  expect(await isResumed({ ...base, alpn: ['h2', 'http/1.1'] })).toBe(false)
  expect(await isResumed(base)).toBe(true)
  await new Promise(done => server.close(done))
})

it.each(['TLSv1.2', 'TLSv1.3'] as const)('answers a missing required certificate with an alert in %s', async version => {
  const ca = await newCa('root.example')
  const pair = await serverPair(ca, 'one')
  const failures: unknown[] = []
  const server = createServer({ allowHalfOpen: true }, socket => {
    serveTls(socket, { keyPair: pair, clientCas: [ca.cert], clientCertificate: 'required', deadlineMs: 2_000 }).catch(thrown =>
      failures.push(thrown),
    )
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const seen = await ask((server.address() as AddressInfo).port, { minVersion: version, maxVersion: version })
  expect(seen.error?.code).toMatch(/ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE)/)
  expect(failures).toMatchObject([{ code: 'wire/malformed' }])
  await new Promise(done => server.close(done))
})

it('ends TLS inside TLS and says who the inner client is', async () => {
  // Two CAs, as in a cluster: OpenSSL adds the issuer to the client's chain when it is among the client's own roots.
  const [ca, users] = [await newCa('root.example'), await newCa('root.example')]
  const inner = await serverPair(ca, 'inner')
  const under = await openUnderTest({
    handlers: {
      web: () => {},
      database: () => {},
      auth: () => {},
      postgres: async stream => {
        const served = await serveTls(stream, { keyPair: inner, clientCas: [users.cert], clientCertificate: 'required', deadlineMs: 2_000 })
        served.stream.end(`${served.identity?.routeToDatabase?.ServiceName} ${served.negotiated} ${served.sni}\n`)
      },
    },
  })
  const outer = await openClient(under.port, { ALPNProtocols: [ALPN.postgres] })
  const pair = await clientPair(users, database)
  const secure = connect({ socket: outer, servername: 'localhost', ca: [ca.cert], ALPNProtocols: ['postgresql'], ...pair })
  expect(await line(secure)).toBe('pg undefined localhost\n')
  secure.destroy()
  await under.close()
})

it('serves new key pairs and CAs from the next connection on', async () => {
  const ca = await newCa('web')
  const [before, after] = [await serverPair(ca, 'before'), await serverPair(ca, 'after')]
  let pair = before
  const under = await openUnderTest({ webKeyPair: () => pair })
  const subject = async (): Promise<string | undefined> => {
    const socket = await openClient(under.port, {})
    const name = socket.getPeerX509Certificate()?.subject
    socket.destroy()
    return name
  }
  expect(await subject()).toBe('CN=before')
  pair = after
  expect(await subject()).toBe('CN=after')
  await under.close()
})

it('goes on when the key pair is broken, and says so', async () => {
  let broken = true
  const pair = await serverPair(await newCa('web'), 'web')
  const under = await openUnderTest({ webKeyPair: () => (broken ? { key: 'no key', cert: pair.cert } : pair) })
  expect((await ask(under.port, {})).handshake).toBe(false)
  broken = false
  expect((await ask(under.port, {})).bytes.toString()).toBe('web\n')
  await under.close()
})

// BoringSSL has no renegotiation at all.
it.skipIf(process.versions['electron'] !== undefined)('ends a TLS 1.2 connection that asks for a second handshake', async () => {
  const under = await openUnderTest()
  const socket = await openClient(under.port, { maxVersion: 'TLSv1.2', ALPNProtocols: [ALPN.http11] })
  expect(await line(socket)).toBe('web\n')
  socket.on('error', () => {})
  const gone = new Promise(next => socket.once('close', next))
  socket.renegotiate({ rejectUnauthorized: false }, () => {})
  await gone
  await eventually(() => under.lines.some(({ cause }) => cause === 'ERR_TLS_RENEGOTIATION_DISABLED'))
  await under.close()
})
