import { createServer, connect, type AddressInfo } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALPN, authAlpn, PING_SUFFIX } from '../../../shared/protocols.ts'
import { encodeClusterSni } from '../../../electron/wire/cluster-name.ts'
import type { KeyPair } from '../../../electron/cluster/auth/auth.ts'
import { pingFramed } from '../../../electron/cluster/router/ping-framed.ts'
import { serveTls } from '../../../electron/cluster/router/tls-server.ts'
import { clientPair, newCa, serverPair, type TestCa } from './certificates.ts'
import { ask, clientHello, eventually, openClient, openUnderTest, rawAsk, type UnderTest } from './router-under-test.ts'

const REDIS = { routeToDatabase: { ServiceName: 'cache', Protocol: 'redis', Username: 'alice', Database: '' }, usage: ['usage:db'] }

let under: UnderTest
let certificate: KeyPair
beforeAll(async () => {
  under = await openUnderTest()
  certificate = await clientPair(under.userCa, REDIS)
})
afterAll(() => under.close())

/** The second TLS, inside `outer` or its ping frames. @returns what came of it */
function inside(outer: TLSSocket, options: object = {}): Promise<string> {
  const below = typeof outer.alpnProtocol === 'string' && outer.alpnProtocol.endsWith(PING_SUFFIX) ? pingFramed(outer, 0) : outer
  return new Promise(resolve => {
    const secure = connectTls({ socket: below, servername: 'localhost', rejectUnauthorized: false, ...options })
    const done = (how: string): void => {
      resolve(how)
      outer.destroy()
    }
    secure.once('data', data => done(`${secure.getPeerX509Certificate()?.subject} ${String(data).trim()}`))
    secure.on('error', error => done((error as NodeJS.ErrnoException).code ?? error.message)).once('close', () => done('closed'))
  })
}

describe('TLS in TLS', () => {
  it.each([ALPN.redis, ALPN.mongodb + PING_SUFFIX, ALPN.oracle, ALPN.spanner + PING_SUFFIX])(
    '%s ends inside with the host certificate',
    async alpn => {
      const outer = await openClient(under.port, { ALPNProtocols: [alpn] })
      expect(outer.getPeerX509Certificate()?.subject).toBe('CN=web')
      expect(await inside(outer, certificate)).toBe('CN=proxy-host database')
      expect(under.handed.at(-1)?.handshake).toMatchObject({ negotiated: alpn, identity: { routeToDatabase: { ServiceName: 'cache' } } })
    },
  )

  it('is not needed with the certificate outside', async () => {
    const seen = await ask(under.port, { ...certificate, ALPNProtocols: [ALPN.redis] })
    expect(seen.bytes.toString()).toBe('database\n')
  })

  it('refuses who brings no certificate, a foreign one, one for no database', async () => {
    const before = under.handed.length
    const foreign = await clientPair(await newCa('root.example'), REDIS)
    const login = await clientPair(under.userCa, {})
    expect(await inside(await openClient(under.port, { ALPNProtocols: [ALPN.redis] }))).toContain('CERTIFICATE_REQUIRED')
    expect(await inside(await openClient(under.port, { ALPNProtocols: [ALPN.redis] }), foreign)).toBe('closed')
    expect(await inside(await openClient(under.port, { ALPNProtocols: [ALPN.redis] }), login)).toBe('closed')
    expect(under.handed.length).toBe(before)
    await eventually(() => under.lines.some(line => line['cause'] === 'no certificate for a database'))
  })

  it('ends a silent client when its time for the inner handshake is over, and one that speaks in clear at once', async () => {
    const quick = await openUnderTest({ limits: { handshakeMs: 200 } })
    const silent = await ask(quick.port, { ALPNProtocols: [ALPN.redis] })
    expect([silent.handshake, silent.bytes.length]).toEqual([true, 0])
    const clear = await openClient(quick.port, { ALPNProtocols: [ALPN.redis] })
    const started = performance.now()
    clear.write('*1\r\n$4\r\nPING\r\n')
    await new Promise(resolve =>
      clear
        .on('error', () => {})
        .resume()
        .once('close', resolve),
    )
    expect(performance.now() - started).toBeLessThan(150)
    await quick.close()
  })
})

describe('the host-certificate routes', () => {
  it('ask no certificate of an SSH client, even if it has one for a database', async () => {
    const seen = await ask(under.port, { ...certificate, ALPNProtocols: [ALPN.proxySsh] })
    expect([seen.negotiated, seen.bytes.toString()]).toEqual([false, 'ssh\n'])
    expect(under.handed.at(-1)?.handshake.identity).toBeUndefined()
  })

  it('take clients of a leaf where they are asked for theirs', async () => {
    const leafCa = await newCa('leaf.example')
    const cas: Record<string, TestCa> = { 'leaf.example': leafCa }
    const root = await openUnderTest({
      trustedCas: cluster => (cluster === undefined ? [leafCa.cert] : cas[cluster] ? [cas[cluster].cert] : []),
    })
    const client = await clientPair(leafCa, { teleportCluster: 'leaf.example' })
    const as = async (servername: string): Promise<string> =>
      (await ask(root.port, { ...client, servername, ALPNProtocols: [ALPN.proxyGrpcMtls, 'h2'] })).bytes.toString()
    expect(await as('localhost')).toBe('kube-grpc\n')
    expect(await as(encodeClusterSni('leaf.example'))).toBe('kube-grpc\n')
    expect(await as(encodeClusterSni('other.example'))).toBe('')
    await root.close()
  })

  it('give kube clients of either spelling h2 first', async () => {
    for (const servername of ['kube.anything.example', 'kube-teleport-proxy-alpn.localhost']) {
      const seen = await ask(under.port, { servername, ALPNProtocols: ['http/1.1', 'h2'] })
      expect([seen.negotiated, seen.bytes.toString()]).toEqual(['h2', 'kube\n'])
    }
  })

  it('close a kube client where there is no kube service', async () => {
    const without = await openUnderTest({ handlers: { web: stream => void stream.write('web\n') } })
    const seen = await ask(without.port, { servername: 'kube.x', ALPNProtocols: ['h2'] })
    expect([seen.handshake, seen.bytes.length]).toEqual([false, 0])
    await eventually(() => without.lines.some(line => line['cause'] === 'kube is off'))
    await without.close()
  })
})

describe('the auth service of a leaf', () => {
  it('gets the client’s TLS untouched, through whoever dials it', async () => {
    const pair = await serverPair(await newCa('leaf.example'), 'leaf-auth')
    const far = createServer({ allowHalfOpen: true }, socket => {
      void serveTls(socket, { keyPair: pair, clientCas: [], clientCertificate: 'none', alpn: ['h2'], deadlineMs: 2_000 }).then(served =>
        served.stream.end(`leaf ${served.sni}\n`),
      )
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => far.once('listening', resolve))
    const { port } = far.address() as AddressInfo
    const asked: string[] = []
    const root = await openUnderTest({
      dialLeafAuth: async (cluster, { client }) => {
        asked.push(`${cluster} ${client.host}`)
        if (cluster === 'broken.example') throw new Error('gone')
        return cluster === 'leaf.example' ? connect({ port, host: '127.0.0.1', allowHalfOpen: true }) : undefined
      },
    })
    const sni = encodeClusterSni('leaf.example')
    const as = (cluster: string): ReturnType<typeof ask> =>
      ask(root.port, { servername: sni, ALPNProtocols: [authAlpn(encodeClusterSni(cluster)), 'h2'] })
    expect((await as('leaf.example')).bytes.toString()).toBe(`leaf ${sni}\n`)
    for (const cluster of ['nosuch.example', 'broken.example']) {
      const seen = await as(cluster)
      expect([seen.handshake, seen.bytes.length]).toEqual([false, 0])
    }
    expect(asked).toEqual(['leaf.example 127.0.0.1', 'nosuch.example 127.0.0.1', 'broken.example 127.0.0.1'])
    await root.close()
    far.close()
  })
})

describe('ACME', () => {
  const offer = { ALPNProtocols: [ALPN.acme], servername: 'proxy.example' }
  it('is off: nothing is negotiated with acme-tls/1 alone', async () => {
    const seen = await ask(under.port, offer)
    expect(seen.error?.code).toContain('NO_APPLICATION_PROTOCOL')
  })

  it('is on: the challenge certificate of that name is shown, and that is all', async () => {
    const challenge = await serverPair(await newCa('acme'), 'challenge')
    const on = await openUnderTest({ acmeKeyPair: sni => (sni === 'proxy.example' ? challenge : undefined) })
    const client = await openClient(on.port, offer)
    expect([client.alpnProtocol, client.getPeerX509Certificate()?.subject]).toEqual([ALPN.acme, 'CN=challenge'])
    await new Promise(resolve => client.resume().once('end', resolve))
    const other = await ask(on.port, { ...offer, servername: 'other.example' })
    expect([other.handshake, other.error?.code]).toEqual([false, 'ECONNRESET'])
    // Every other client is served as before; http/1.1 comes first now.
    const web = await ask(on.port, { ALPNProtocols: [ALPN.acme, ALPN.postgres + PING_SUFFIX, 'http/1.1'] })
    expect([web.negotiated, web.bytes.toString()]).toEqual(['http/1.1', 'web\n'])
    await on.close()
  })
})

it('tells a client of TLS 1.0 that it is too old', async () => {
  const hello = Buffer.from(await clientHello())
  // The versions that the hello offers by extension are wiped, and the record's own is lowered: a client from before them.
  const versions = hello.indexOf(Buffer.from('002b000504', 'hex'))
  hello[versions + 1] = 0xfe
  hello.writeUInt16BE(0x0301, 9)
  const { bytes, how } = await rawAsk(under.port, [hello])
  expect([bytes.toString('hex').slice(0, 6), how]).not.toEqual(['160303', 'open'])
  expect(bytes.subarray(-2).toString('hex')).toBe('0246') // fatal, protocol_version
})
