import { X509Certificate } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { databaseAlpn } from '../../../shared/protocols.ts'
import type { Credentials, TunnelPlan } from '../../../electron/engine/engine.ts'
import { encodeCancel, encodeStartup } from '../../../electron/wire/postgres.ts'
import { makeCertificates, type TestCertificates } from '../../kit/certificates.ts'
import { expectNoLeaks } from '../../kit/no-leaks.ts'
import { openDataPlane, type DataPlane } from '../../kit/run-data-plane.ts'
import { echo, openCounterpart, type Counterpart, type CounterpartOptions } from '../../kit/tls-counterpart.ts'
import { hungUp, read, until } from '../../kit/read-socket.ts'

expectNoLeaks()

const STARTUP = encodeStartup({ user: 'reader', database: 'postgres' })
const PING_ALPN = databaseAlpn('postgres')!

let certificates: TestCertificates
let serverKeys: { key: string; cert: string }
const open: { close(): Promise<void> }[] = []
const sockets: Socket[] = []

beforeAll(async () => {
  certificates = await makeCertificates()
  serverKeys = await certificates.server()
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const one of open.splice(0).reverse()) await one.close()
})

const plane = (credentials: (refused?: string) => Promise<Credentials>, now?: () => number): DataPlane => {
  const opened = openDataPlane({ credentials: (_tunnel, refused) => credentials(refused) }, now)
  open.push(opened)
  return opened
}
const counterpart = async (options: Partial<CounterpartOptions> = {}): Promise<Counterpart> => {
  const opened = await openCounterpart({
    server: serverKeys,
    clientRoots: [certificates.userRoot],
    alpn: PING_ALPN,
    serve: echo,
    ...options,
  })
  open.push(opened)
  return opened
}
const plan = (port: number, more: Partial<TunnelPlan> = {}): TunnelPlan => ({
  id: 'orders',
  dbProtocol: 'postgres',
  mode: 'authenticated',
  listen: { hosts: ['127.0.0.1', '::1'], port: 0, socket: null },
  upstream: { proxy: { host: '127.0.0.1', port }, servername: 'proxy.test', roots: [certificates.webRoot], certificate: null },
  holdMs: 5_000,
  ...more,
})
const client = async (port: number, host = '127.0.0.1'): Promise<Socket> => {
  const socket = connect({ port, host, allowHalfOpen: true, noDelay: true })
  sockets.push(socket)
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}
const failures = (one: DataPlane): string[] =>
  one.events.flatMap(event => (event.type === 'connection' && event.state === 'failed' ? [event.failure!.code] : []))

describe('an authenticated tunnel', () => {
  it('carries bytes both ways, framed, with the certificate in the outer TLS and the right SNI', async () => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port, addresses } = await engine.start(plan(proxy.port))
    expect(addresses).toContain(`127.0.0.1:${port}`)
    const local = await client(port)
    local.write(STARTUP)
    expect(await read(local, STARTUP.length)).toEqual(STARTUP)
    expect(proxy.met[0]).toMatchObject({ framed: true, clientCn: 'alice', sni: 'proxy.test' })
    local.end()
    await hungUp(local)
    await until(() => engine.events.some(event => event.type === 'connection' && event.state === 'closed'), 'closed is told')
    await until(() => engine.counters('orders')?.connections === 0, 'counters are told')
    expect(engine.counters('orders')).toMatchObject({ connections: 0, waiting: 0, bytesIn: STARTUP.length, bytesOut: STARTUP.length })
  })

  it('goes on to deliver after the local program ended its own direction', async () => {
    const proxy = await counterpart({
      serve: met => {
        let bytes = 0
        met.onPayload(part => (bytes += part.length))
        met.stream.once('end', () => {
          met.write(Buffer.alloc(300_000, bytes % 251))
          met.stream.end()
        })
      },
    })
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port))
    const local = await client(port)
    local.end(STARTUP)
    expect((await read(local, 300_000)).at(-1)).toBe(STARTUP.length % 251)
  })

  it('resumes TLS sessions, and starts afresh after forget', async () => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port))
    const once1 = async (): Promise<void> => {
      const local = await client(port)
      // BoringSSL ignores tickets after our own close_notify, so the end comes last, as with real clients.
      local.write(STARTUP)
      await read(local, STARTUP.length)
      local.end()
    }
    await once1()
    await once1()
    expect(proxy.met.map(met => met.resumed)).toEqual([false, true])
    await engine.forget('orders')
    await once1()
    expect(proxy.met[2]!.resumed).toBe(false)
    expect(engine.asked).toHaveLength(2)
  })

  it('tells when the other side hangs up without a word', async () => {
    const proxy = await counterpart({ serve: met => met.stream.end() })
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port))
    const local = await client(port)
    local.write(STARTUP)
    await hungUp(local)
    await until(() => failures(engine).length === 1, 'failure is told')
    expect(failures(engine)).toEqual(['tunnel/upstream-closed'])
    expect(engine.asked).toHaveLength(1)
  })

  it('takes the close after a cancel request for what it is', async () => {
    const proxy = await counterpart({ serve: met => met.onPayload(() => met.stream.end()) })
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port))
    const local = await client(port)
    local.write(encodeCancel(1, 2))
    await hungUp(local)
    await until(() => engine.events.some(event => event.type === 'connection'), 'the end is told')
    expect(engine.events).toContainEqual(expect.objectContaining({ type: 'connection', state: 'closed' }))
  })

  it.each([
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['something else', Buffer.from('\x00\xff\xff\xff\xffgarbage', 'latin1')],
  ])('closes on a program that speaks %s and says so', async (got, bytes) => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port))
    const local = await client(port)
    local.write(bytes)
    await hungUp(local)
    await until(() => failures(engine).length === 1, 'failure is told')
    expect(engine.events).toContainEqual(
      expect.objectContaining({ failure: { code: 'tunnel/wrong-protocol', facts: { expected: 'PostgreSQL', got } } }),
    )
  })

  it('survives 1 000 connections opened and dropped', async () => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port))
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, n) => {
          const local = await client(port)
          if (n % 3 === 0) local.write(STARTUP)
          if (n % 2 === 0) local.resetAndDestroy()
          else local.destroy()
        }),
      )
    }
    await until(() => engine.counters('orders')?.connections === 0, 'all are gone')
    const local = await client(port)
    local.write(STARTUP)
    expect(await read(local, STARTUP.length)).toEqual(STARTUP)
  })

  it('keeps its listener when the proxy dies, and works again when it is back', async () => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port))
    const local = await client(port)
    local.write(STARTUP)
    await read(local, STARTUP.length)
    await proxy.kill()
    local.end()
    await hungUp(local)
    const refused = await client(port)
    refused.write(STARTUP)
    await hungUp(refused)
    await until(() => failures(engine).includes('proxy/unreachable'), 'told as unreachable')
    await counterpart({ port: proxy.port })
    const again = await client(port)
    again.write(STARTUP)
    expect(await read(again, STARTUP.length)).toEqual(STARTUP)
  })

  it('cuts what is left after the drain time, and frees the port at once', async () => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port))
    const local = await client(port)
    local.write(STARTUP)
    await read(local, STARTUP.length)
    const stopping = engine.stop('orders', 200)
    await new Promise(resolve => setTimeout(resolve, 20))
    await expect(client(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    local.write('still')
    expect((await read(local, 5)).toString()).toBe('still')
    await Promise.all([hungUp(local), stopping])
  })
})

describe('credentials', () => {
  it('hold 50 connections behind one question and let all go on', async () => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    let signIn = (_: Credentials): void => {}
    const engine = plane(() => new Promise(resolve => (signIn = resolve)))
    const { port } = await engine.start(plan(proxy.port))
    const locals = await Promise.all(Array.from({ length: 50 }, () => client(port)))
    const answers = locals.map(local => {
      local.write(STARTUP)
      return read(local, STARTUP.length)
    })
    await until(() => engine.counters('orders')?.waiting === 50, '50 wait')
    signIn(credentials)
    for (const answer of await Promise.all(answers)) expect(answer).toEqual(STARTUP)
    expect(engine.asked).toHaveLength(1)
    await until(() => engine.counters('orders')?.waiting === 0, 'none waits')
  })

  it('are waited for no longer than the plan says', async () => {
    const proxy = await counterpart()
    const engine = plane(() => new Promise(() => {}))
    const { port } = await engine.start(plan(proxy.port, { holdMs: 100 }))
    const local = await client(port)
    local.write(STARTUP)
    await hungUp(local)
    await until(() => failures(engine).length === 1, 'failure is told')
    expect(failures(engine)).toEqual(['login/expired'])
  })

  it('do not hold a program that left', async () => {
    const proxy = await counterpart()
    const engine = plane(() => new Promise(() => {}))
    const { port } = await engine.start(plan(proxy.port))
    const local = await client(port)
    local.write(STARTUP)
    await until(() => engine.counters('orders')?.waiting === 1, 'it waits')
    local.resetAndDestroy()
    await until(() => engine.counters('orders')?.waiting === 0, 'it is let go')
    expect(failures(engine)).toEqual([])
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'are renewed once when the proxy hangs up on an expired one (%s), and the program notices nothing',
    async maxVersion => {
      const proxy = await counterpart({ strict: true, maxVersion })
      const [old, fresh] = [await certificates.database({ notAfter: Date.now() - 1_000 }), await certificates.database()]
      // The source believes that the first one is good, as a computer whose clock is late does.
      const engine = plane(async refused => (refused === undefined ? { ...old, notAfter: old.notAfter } : fresh))
      const { port } = await engine.start(plan(proxy.port))
      const local = await client(port)
      local.write(STARTUP)
      expect(await read(local, STARTUP.length)).toEqual(STARTUP)
      expect(engine.asked).toEqual([null, old.cert])
      expect(failures(engine)).toEqual([])
    },
  )

  it('that stay refused end the connection after one more try', async () => {
    const proxy = await counterpart({ strict: true })
    const old = await certificates.database({ notAfter: Date.now() - 1_000 })
    const engine = plane(async () => old)
    const { port } = await engine.start(plan(proxy.port))
    const local = await client(port)
    local.write(STARTUP)
    await hungUp(local)
    await until(() => failures(engine).length === 1, 'failure is told')
    expect(failures(engine)).toEqual(['proxy/refused'])
    expect(engine.asked).toHaveLength(2)
  })
})

describe('the proxy', () => {
  it('must have a certificate of the right authority and name', async () => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const good = plan(proxy.port).upstream
    const ports = [
      await engine.start(plan(proxy.port, { id: 'roots', upstream: { ...good, roots: [certificates.userRoot] } })),
      await engine.start(plan(proxy.port, { id: 'name', upstream: { ...good, servername: 'other.test' } })),
    ]
    for (const { port } of ports) {
      const local = await client(port)
      local.write(STARTUP)
      await hungUp(local)
    }
    await until(() => failures(engine).length === 2, 'failures are told')
    expect(failures(engine)).toEqual(['proxy/untrusted', 'proxy/untrusted'])
    expect(proxy.met).toEqual([])
  })

  it('is taken by the fingerprint that was accepted at sign-in, and by no other', async () => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { fingerprint256 } = new X509Certificate(serverKeys.cert)
    const upstream = { ...plan(proxy.port).upstream, roots: [certificates.userRoot] }
    const same = await engine.start(plan(proxy.port, { id: 'same', upstream: { ...upstream, certificate: fingerprint256 } }))
    // The second one resumes the session of the first.
    for (let round = 0; round < 2; round++) {
      const local = await client(same.port)
      local.write(STARTUP)
      expect(await read(local, STARTUP.length)).toEqual(STARTUP)
      local.destroy()
    }
    const other = await engine.start(
      plan(proxy.port, { id: 'other', upstream: { ...upstream, certificate: fingerprint256.replace(/^../, 'XX') } }),
    )
    const local = await client(other.port)
    local.write(STARTUP)
    await hungUp(local)
    await until(() => failures(engine).length === 1, 'the failure is told')
    expect(failures(engine)).toEqual(['proxy/untrusted'])
  })

  it('may be named by its address, which is then what is verified', async () => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port, { upstream: { ...plan(proxy.port).upstream, servername: '127.0.0.1' } }))
    const local = await client(port)
    local.write(STARTUP)
    await read(local, STARTUP.length)
    expect(proxy.met[0]!.sni).toBeFalsy()
  })

  it.each([
    ['expired', { notAfter: Date.now() - 5_000 }, 'proxy/certificate-expired'],
    ['from the future', { now: Date.now() + 3_600_000, notAfter: Date.now() + 7_200_000 }, 'proxy/clock'],
  ])('whose certificate is %s is named as such', async (_, options, code) => {
    const proxy = await counterpart({ server: await certificates.server(options) })
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port))
    const local = await client(port)
    local.write(STARTUP)
    await hungUp(local)
    await until(() => failures(engine).length === 1, 'failure is told')
    expect(failures(engine)).toEqual([code])
  })
})

describe('a passthrough tunnel', () => {
  it('shows the certificate to the proxy for a cancel request only', async () => {
    const proxy = await counterpart()
    const credentials = await certificates.database()
    const engine = plane(async () => credentials)
    const { port } = await engine.start(plan(proxy.port, { mode: 'passthrough' }))
    for (const packet of [STARTUP, encodeCancel(1, 2)]) {
      const local = await client(port)
      local.write(packet.subarray(0, 3))
      await new Promise(resolve => setTimeout(resolve, 20))
      local.write(packet.subarray(3))
      expect(await read(local, packet.length)).toEqual(packet)
    }
    expect(proxy.met.map(met => met.clientCn)).toEqual([undefined, 'alice'])
  })
})
