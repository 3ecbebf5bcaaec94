import { connect as connectHttp2 } from 'node:http2'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { formatAddress } from '../../../shared/address.ts'
import { ALPN } from '../../../shared/protocols.ts'
import { closed, dial, dialPlain, eventually, openUnderTest, request, type UnderTest, type Yaml } from './cluster-under-test.ts'

const open: UnderTest[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function start(yaml: Yaml): Promise<UnderTest> {
  const started = await openUnderTest(yaml)
  open.push(started)
  return started
}

const SSL_REQUEST = Buffer.from('0000000804d2162f', 'hex')
const MULTIPLEX = '  proxy_listener_mode: multiplex\n'

async function find(port: number): Promise<{ proxy: Record<string, Record<string, unknown>> }> {
  const socket = await dial(port)
  const body = await request(socket, '/webapi/find')
  socket.destroy()
  return JSON.parse(body)
}

const firstByte = async (port: number): Promise<string> => {
  const socket = await dialPlain(port)
  socket.write(SSL_REQUEST)
  const byte = await new Promise<Buffer>((resolve, reject) =>
    socket
      .once('data', resolve)
      .once('error', reject)
      .once('close', () => reject(new Error('closed'))),
  )
  socket.destroy()
  return String(byte)
}

test('nothing but the web port listens unless it is named', async () => {
  for (const version of ['v2', 'v3']) expect((await start({ version })).cluster.ports).toEqual({})
})

const firstLine = async (port: number): Promise<string> => {
  const socket = await dialPlain(port)
  socket.write('SSH-2.0-test\r\n')
  const bytes = await new Promise<Buffer>((resolve, reject) =>
    socket
      .once('data', resolve)
      .once('error', reject)
      .once('close', () => reject(new Error('closed'))),
  )
  socket.destroy()
  return String(bytes).split('\r\n', 1)[0]!
}

test('the ports of v1 speak SSH, and are announced', async () => {
  const { cluster } = await start({ version: 'v1', proxy: '  listen_addr: 127.0.0.1:0\n  tunnel_listen_addr: 127.0.0.1:0\n' })
  const { ssh, tunnel, kube } = cluster.ports
  expect(kube).toBeUndefined()
  expect(await Promise.all([firstLine(ssh!.port), firstLine(tunnel!.port)])).toEqual([
    expect.stringMatching(/^SSH-2\.0-/),
    expect.stringMatching(/^SSH-2\.0-/),
  ])
  await expect(firstLine(cluster.address.port)).rejects.toThrow()
  const { proxy } = await find(cluster.address.port)
  expect(proxy).toMatchObject({
    tls_routing_enabled: false,
    kube: { enabled: false },
    ssh: { listen_addr: formatAddress(ssh!), tunnel_listen_addr: formatAddress(tunnel!), web_listen_addr: formatAddress(cluster.address) },
  })
})

test('agents that know just the tunnel port find out there how to join, and nothing else', async () => {
  const { cluster } = await start({ auth: MULTIPLEX, proxy: '  tunnel_listen_addr: 127.0.0.1:0\n  tunnel_public_addr: t.example\n' })
  const { port } = cluster.ports.tunnel!
  expect((await find(port)).proxy['ssh']).toMatchObject({ ssh_tunnel_public_addr: 't.example:3024' })
  const socket = await dial(port)
  expect(await request(socket, '/webapi/ping')).toBe('404 page not found\n')
  socket.destroy()
})

test('a tunnel port that is the web port takes SSH and TLS on one', async () => {
  const free = createServer()
  await new Promise<void>(resolve => free.listen(0, '127.0.0.1', () => resolve()))
  const { port } = free.address() as AddressInfo
  await new Promise<void>(resolve => free.close(() => resolve()))
  const { cluster } = await start({ proxy: `  web_listen_addr: 127.0.0.1:${port}\n  tunnel_listen_addr: 127.0.0.1:${port}\n` })
  expect(cluster.ports).toEqual({})
  expect(await firstLine(port)).toMatch(/^SSH-2\.0-/)
  expect((await find(port)).proxy['ssh']).toMatchObject({ tunnel_listen_addr: `127.0.0.1:${port}` })
  expect(await firstByte(port)).toBe('S')
})

test('Postgres clients find the service on the web port, or on the port that is named for it', async () => {
  expect(await firstByte((await start({})).cluster.address.port)).toBe('S')
  const { cluster } = await start({ auth: MULTIPLEX, proxy: '  postgres_listen_addr: 127.0.0.1:0\n  public_addr: p.example\n' })
  const port = cluster.ports.postgres!.port
  expect(await firstByte(port)).toBe('S')
  await expect(firstByte(cluster.address.port)).rejects.toThrow('closed')
  const { proxy } = await find(cluster.address.port)
  expect(proxy['db']).toEqual({
    postgres_listen_addr: formatAddress(cluster.address),
    postgres_public_addr: `p.example:${port}`,
    mysql_listen_addr: formatAddress(cluster.address),
  })
  // Its own port serves nothing else.
  await expect(dial(port, { ALPNProtocols: ['http/1.1'] })).rejects.toThrow()
  const socket = await dial(port, { ALPNProtocols: [ALPN.postgres] })
  expect(socket.alpnProtocol).toBe(ALPN.postgres)
  socket.destroy()
})

test('MySQL clients are greeted on their port, since they wait for it', async () => {
  const { cluster } = await start({ proxy: '  mysql_listen_addr: 127.0.0.1:0\n  mysql_public_addr: my.example\n' })
  const { port } = cluster.ports.mysql!
  const socket = await dialPlain(port)
  const greeting = await new Promise<Buffer>((resolve, reject) =>
    socket.once('data', resolve).once('close', () => reject(new Error('closed'))),
  )
  socket.destroy()
  // Packet 0, protocol 10.
  expect([...greeting.subarray(3, 5)]).toEqual([0, 10])
  expect((await find(cluster.address.port)).proxy['db']).toEqual({
    mysql_listen_addr: `127.0.0.1:${port}`,
    mysql_public_addr: 'my.example:3036',
  })
})

describe('behind a balancer that is named, a MySQL client', () => {
  const startBehind = (from: string): Promise<UnderTest> =>
    start({
      proxy: '  mysql_listen_addr: 127.0.0.1:0\n  proxy_protocol: on\n' + `  proxy_protocol_from: ["${from}"]\n`,
      rest: 'portico: {connection_log: info}\n',
    })
  /** The greeting's first bytes: packet 0, protocol 10. */
  const greeted = (socket: Socket): Promise<readonly number[]> =>
    new Promise((resolve, reject) =>
      socket.once('data', data => resolve([...data.subarray(3, 5)])).once('close', () => reject(new Error('closed'))),
    )
  const logged = (under: UnderTest) =>
    eventually(() => under.lines.find(({ event, facts }) => event === 'router.connection' && facts['listener'] === 'mysql'))

  test('is known by the address that the PROXY header says', async () => {
    const under = await startBehind('127.0.0.1')
    const socket = await dialPlain(under.cluster.ports.mysql!.port)
    // In two pieces, as a slow network has it.
    socket.write('PROXY TCP4 203.0.')
    await new Promise(resolve => setTimeout(resolve, 20))
    socket.write('113.7 10.0.0.1 4711 3036\r\n')
    expect(await greeted(socket)).toEqual([0, 10])
    socket.destroy()
    expect((await logged(under)).facts).toMatchObject({ peer: '203.0.113.7:4711', route: 'mysql' })
  })

  test('is greeted without a header too, and cut after half of one', async () => {
    const under = await startBehind('127.0.0.1')
    const [silent, slow] = [await dialPlain(under.cluster.ports.mysql!.port), await dialPlain(under.cluster.ports.mysql!.port)]
    slow.write('PROXY TCP4 203.0.')
    const cut = closed(slow)
    expect(await greeted(silent)).toEqual([0, 10])
    await cut
    silent.destroy()
    await eventually(() => under.lines.some(({ event, facts }) => event === 'router.connection' && facts['cause'] === 'slow PROXY header'))
  })

  test('from elsewhere is greeted at once, and what it sends is no header', async () => {
    const under = await startBehind('10.0.0.0/8')
    const socket = await dialPlain(under.cluster.ports.mysql!.port)
    const began = performance.now()
    expect(await greeted(socket)).toEqual([0, 10])
    expect(performance.now() - began).toBeLessThan(500)
    socket.destroy()
    expect(String((await logged(under)).facts['peer'])).toMatch(/^127\.0\.0\.1:/)
  })
})

test('MongoDB clients get TLS with the web certificate at once, and nothing without a database certificate', async () => {
  const { cluster } = await start({ proxy: '  mongo_listen_addr: 127.0.0.1:0\n' })
  const [web, mongo] = [await dial(cluster.address.port), await dial(cluster.ports.mongo!.port, { ALPNProtocols: [] })]
  expect(mongo.getPeerX509Certificate()?.fingerprint256).toBe(web.getPeerX509Certificate()?.fingerprint256)
  await closed(mongo)
  web.destroy()
  expect((await find(cluster.address.port)).proxy['db']).toEqual({ mongo_listen_addr: `127.0.0.1:${cluster.ports.mongo!.port}` })
})

test('the auth service may have a port of its own', async () => {
  const { cluster } = await start({ auth: '  listen_addr: 127.0.0.1:0\n' })
  const session = connectHttp2(`https://127.0.0.1:${cluster.ports.auth!.port}`, { rejectUnauthorized: false, servername: 'localhost' })
  await new Promise<void>((resolve, reject) => session.once('remoteSettings', () => resolve()).once('error', reject))
  expect(session.alpnProtocol).toBe('h2')
  session.destroy()
})

test('a named port that nothing here serves is refused, with its place', async () => {
  await expect(start({ proxy: '  kube_listen_addr: 127.0.0.1:0\n' })).rejects.toMatchObject({
    code: 'cluster/config',
    facts: { line: 9, key: 'proxy_service.kube_listen_addr', why: expect.stringMatching(/not served by this version$/) },
  })
})

test('a taken port is named with its key, and nothing stays open', async () => {
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', () => resolve()))
  const { port } = taken.address() as AddressInfo
  const handles = (): number => process.getActiveResourcesInfo().filter(name => name === 'TCPServerWrap').length
  const before = handles()
  for (const [yaml, key] of [
    [{ proxy: `  web_listen_addr: 127.0.0.1:${port}\n` }, 'proxy_service.web_listen_addr'],
    [
      { proxy: `  postgres_listen_addr: 127.0.0.1:${port}\n`, teleport: '  diag_addr: 127.0.0.1:0\n' },
      'proxy_service.postgres_listen_addr',
    ],
    [{ auth: `  listen_addr: 127.0.0.1:${port}\n` }, 'auth_service.listen_addr'],
    [{ teleport: `  diag_addr: 127.0.0.1:${port}\n` }, 'teleport.diag_addr'],
  ] as const)
    await expect(start(yaml)).rejects.toMatchObject({
      code: 'cluster/config',
      facts: { key, why: expect.stringMatching(/portico\.yaml:\d+: .*: 127\.0\.0\.1:\d+ is taken/) },
    })
  expect(handles()).toBe(before)
  taken.close()
})
