import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificates, type TestCertificates } from '../../kit/certificates.ts'
import { ask, closed, dial, dialPlain, eventually, openUnderTest, request, type UnderTest, type Yaml } from './cluster-under-test.ts'

let certificates: TestCertificates
beforeAll(async () => {
  certificates = await makeCertificates()
})

const open: UnderTest[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function start(yaml: Yaml, files?: Readonly<Record<string, string>>): Promise<UnderTest> {
  const started = await openUnderTest(yaml, files)
  open.push(started)
  return started
}

const DIAG = '  diag_addr: 127.0.0.1:0\n'
const metrics = async ({ cluster }: UnderTest): Promise<string> => (await ask(cluster.diag!.port, '/metrics'))!.body
const shownName = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN)

describe('what operators see', () => {
  test('health, readiness and metrics are on the diagnosis port, nothing else is', async () => {
    const under = await start({ teleport: DIAG })
    const { port } = under.cluster.diag!
    expect(await ask(port, '/healthz')).toEqual({ status: 200, body: '{"status":"ok"}\n' })
    expect(await ask(port, '/readyz?verbose')).toEqual({ status: 200, body: '{"status":"ok"}\n' })
    expect((await ask(port, '/webapi/ping'))?.status).toBe(404)
    expect(await metrics(under)).toMatch(
      /^# HELP process_start_time_seconds .*\n# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds \d/,
    )
  })

  test('no diagnosis port unless it is named', async () => {
    expect((await start({})).cluster.diag).toBeUndefined()
  })

  test('connections are counted by route, failures by cause, with their bytes', async () => {
    const under = await start({ teleport: DIAG })
    const { port } = under.cluster.address
    const socket = await dial(port)
    await request(socket, '/webapi/ping')
    expect(await metrics(under)).toContain('portico_connections_open{listener="web"} 1\n')
    socket.destroy()
    await dial(port, { ALPNProtocols: ['nonsense'] }).catch(() => {})
    const silent = await dialPlain(port)
    silent.write('GET / HTTP/1.1\r\n\r\n')
    await closed(silent)
    const text = await eventually(async () => {
      const now = await metrics(under)
      return now.includes('unknown-protocol') && now.includes('route="web"') ? now : undefined
    })
    expect(text).toContain('portico_connections_total{listener="web",route="web"} 1\n')
    expect(text).toContain('portico_handshakes_failed_total{listener="web",cause="unknown-alpn"} 1\n')
    expect(text).toContain('portico_handshakes_failed_total{listener="web",cause="unknown-protocol"} 1\n')
    expect(Number(/portico_bytes_total\{direction="out"\} (\d+)/.exec(text)?.[1])).toBeGreaterThan(1_000)
  })

  test('what comes inside a connection upgrade is told and counted by its own route', async () => {
    const under = await start({ teleport: DIAG })
    const outer = await dial(under.cluster.address.port)
    outer.write('GET /webapi/connectionupgrade HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: alpn\r\n\r\n')
    await new Promise(resolve => outer.once('data', resolve))
    const inner = await dial(0, { socket: outer, ALPNProtocols: ['http/1.1'] })
    expect(await request(inner, '/webapi/find')).toContain('"cluster_name":"example"')
    inner.end()
    await eventually(async () => (await metrics(under)).includes('portico_connections_total{listener="upgrade",route="web"} 1\n'))
    const line = await eventually(() => under.lines.find(({ facts }) => facts['listener'] === 'upgrade'))
    expect(line).toMatchObject({ event: 'router.connection', facts: { route: 'web', served: true } })
    outer.destroy()
  })

  test('each connection gets its line, at the level that is configured', async () => {
    for (const level of ['info', 'debug']) {
      const under = await start({ rest: `portico: {connection_log: ${level}}\n` })
      const socket = await dial(under.cluster.address.port)
      await request(socket, '/webapi/find')
      socket.end()
      const line = await eventually(() => under.lines.find(({ event }) => event === 'router.connection'))
      expect(line).toMatchObject({
        level,
        facts: { listener: 'web', route: 'web', sni: 'localhost', offered: ['http/1.1'], negotiated: 'http/1.1', served: true, cause: '' },
      })
      expect(line.facts['bytesIn']).toBeGreaterThan(200)
      expect(line.facts['peer']).toMatch(/^127\.0\.0\.1:\d+$/)
    }
  })
})

describe('limits', () => {
  test('hold for one address and for all ports together', async () => {
    const under = await start({
      teleport: `${DIAG}  connection_limits: {max_connections: 3, max_per_address: 2}\n`,
      proxy: '  postgres_listen_addr: 127.0.0.1:0\n',
    })
    const { address, ports } = under.cluster
    const [a, b] = [await dial(address.port), await dialPlain(ports.postgres!.port)]
    await closed(await dialPlain(address.port))
    await closed(await dialPlain(ports.postgres!.port))
    const text = await metrics(under)
    expect(text).toContain('portico_connections_limited_total{listener="web",limit="address"} 1\n')
    expect(text).toContain('portico_connections_limited_total{listener="postgres",limit="address"} 1\n')
    a.destroy()
    await eventually(async () => !(await metrics(under)).includes('portico_connections_open{listener="web"}'))
    ;(await dial(address.port)).destroy()
    b.destroy()
  })
})

describe('web certificates', () => {
  const pairFiles = async (prefix: string, names: readonly string[]): Promise<Record<string, string>> => {
    const { key, cert } = await certificates.server({ names })
    return { [`${prefix}.key`]: key, [`${prefix}.pem`]: cert + certificates.webRoot }
  }
  const PAIRS = '  https_keypairs:\n  - {key_file: a.key, cert_file: a.pem}\n  - {key_file: b.key, cert_file: b.pem}\n'
  const files = async (): Promise<Record<string, string>> => ({
    ...(await pairFiles('a', ['a.example', 'localhost'])),
    ...(await pairFiles('b', ['b.example', '*.b.example'])),
  })

  test('are chosen by SNI, the first one when none fits', async () => {
    const { port } = (await start({ proxy: PAIRS }, await files())).cluster.address
    const shown = async (servername: string): Promise<string> => {
      const socket = await dial(port, { servername })
      const name = shownName(socket)
      socket.destroy()
      return name
    }
    expect(await Promise.all(['a.example', 'b.example', 'X.B.example', 'y.x.b.example', 'elsewhere'].map(shown))).toEqual([
      'a.example',
      'b.example',
      'b.example',
      'a.example',
      'a.example',
    ])
  })

  test('are read anew without dropping a connection; a broken file keeps the old ones', async () => {
    const under = await start({ teleport: DIAG, proxy: PAIRS }, await files())
    const { port } = under.cluster.address
    const before = await dial(port)
    await request(before, '/webapi/ping')
    const [next] = [await pairFiles('a', ['new.example', 'localhost'])]
    for (const [name, text] of Object.entries(next)) await writeFile(join(under.folder, name), text)
    under.cluster.reload()
    const after = await dial(port)
    expect([shownName(before), shownName(after)]).toEqual(['a.example', 'new.example'])

    await writeFile(join(under.folder, 'b.key'), 'rubbish')
    under.cluster.reload()
    expect(under.lines.find(({ event }) => event === 'cluster.certificates-kept')).toMatchObject({
      level: 'warn',
      facts: { why: expect.stringContaining('are no key pair') },
    })
    const third = await dial(port, { servername: 'b.example' })
    expect(shownName(third)).toBe('b.example')
    for (const socket of [before, after, third]) expect(await request(socket, '/webapi/find')).toContain('"cluster_name":"example"')
    const text = await metrics(under)
    expect(text).toContain('portico_certificate_reloads_total{outcome="changed"} 1\n')
    expect(text).toContain('portico_certificate_reloads_total{outcome="kept"} 1\n')
    for (const socket of [before, after, third]) socket.destroy()
  })

  test('change under a hundred open connections, and none notices', async () => {
    const under = await start({ proxy: PAIRS }, await files())
    const { port } = under.cluster.address
    const sockets = await Promise.all(Array.from({ length: 100 }, () => dial(port)))
    for (let round = 0; round < 3; round += 1) {
      for (const [name, text] of Object.entries(await pairFiles('a', [`round${round}.example`])))
        await writeFile(join(under.folder, name), text)
      const answers = sockets.map(socket => request(socket, '/webapi/find'))
      under.cluster.reload()
      expect(new Set(await Promise.all(answers)).size).toBe(1)
      const fresh = await dial(port)
      expect(shownName(fresh)).toBe(`round${round}.example`)
      fresh.destroy()
    }
    expect(sockets.filter(socket => socket.destroyed)).toEqual([])
    for (const socket of sockets) socket.destroy()
  })

  test('are read anew by themselves at an interval', async () => {
    const under = await start({ proxy: `${PAIRS}  https_keypairs_reload_interval: 50ms\n` }, await files())
    for (const [name, text] of Object.entries(await pairFiles('a', ['later.example']))) await writeFile(join(under.folder, name), text)
    await eventually(async () => {
      const socket = await dial(under.cluster.address.port)
      const name = shownName(socket)
      socket.destroy()
      return name === 'later.example'
    })
  })

  test('that cannot be shown stop the start, with file, line and key', async () => {
    const good = await files()
    const refusal = async (more: Record<string, string>) => start({ proxy: PAIRS }, { ...good, ...more }).catch((thrown: unknown) => thrown)
    const expired = await certificates.server({ names: ['b.example'], now: Date.now() - 7_200_000, notAfter: Date.now() - 3_600_000 })
    const alone = await certificates.server({ names: ['b.example'] })
    for (const [more, why] of [
      [{ 'b.key': good['a.key']! }, /are no key pair/],
      [{ 'b.key': alone.key, 'b.pem': alone.cert }, /unable to verify HTTPS certificate chain in .*b\.pem: the chain cannot be verified/],
      [{ 'b.key': expired.key, 'b.pem': expired.cert + certificates.webRoot }, /b\.pem: .* ended on/],
    ] as const)
      expect(await refusal(more)).toMatchObject({
        code: 'cluster/config',
        facts: { line: 11, key: 'proxy_service.https_keypairs[1]', why: expect.stringMatching(why) },
      })
    const { 'a.pem': _, ...without } = good
    expect(await start({ proxy: PAIRS }, without).catch((thrown: unknown) => thrown)).toMatchObject({
      facts: { line: 10, why: expect.stringMatching(/https cert does not exist: .*a\.pem$/) },
    })
  })
})

describe('draining', () => {
  test('tells that it is not ready, takes no new connection, lets open ones end', async () => {
    const under = await start({ teleport: DIAG })
    const { address, diag } = under.cluster
    // A handshake in progress: nobody may cut it.
    const busy = await dialPlain(address.port)
    const whole = closed(busy)
    const closing = under.cluster.close(10_000)
    expect(await ask(diag!.port, '/readyz')).toEqual({ status: 503, body: '{"status":"draining"}\n' })
    expect((await ask(diag!.port, '/healthz'))?.status).toBe(200)
    await expect(dialPlain(address.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(busy.destroyed).toBe(false)
    busy.end()
    await Promise.all([whole, closing])
    expect(await ask(diag!.port, '/readyz')).toBeUndefined()
  })

  test('cuts what is open after its time', async () => {
    const under = await start({ proxy: '  mongo_listen_addr: 127.0.0.1:0\n' })
    const socket = await dialPlain(under.cluster.ports.mongo!.port)
    const end = closed(socket)
    const began = performance.now()
    await under.cluster.close(200)
    await end
    expect(performance.now() - began).toBeGreaterThan(190)
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})
