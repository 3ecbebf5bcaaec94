import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificates } from '../../kit/certificates.ts'
import { Portico } from '../cli/portico.ts'
import { ask, dial, dialPlain, eventually, request, writeYaml } from './cluster-under-test.ts'

/** `portico cluster …` as an operator runs it. */
const folder = mkdtempSync(join(tmpdir(), 'portico verbs ü '))
const portico = new Portico()
let yaml: string
let nextPair: { key: string; cert: string }

beforeAll(async () => {
  const certificates = await makeCertificates()
  const pair = async (name: string) => {
    const { key, cert } = await certificates.server({ names: [name, 'localhost'] })
    return { key, cert: cert + certificates.webRoot }
  }
  const first = await pair('first.example')
  nextPair = await pair('next.example')
  writeFileSync(join(folder, 'web.key'), first.key)
  writeFileSync(join(folder, 'web.pem'), first.cert)
  yaml = await writeYaml(folder, {
    teleport: '  diag_addr: ":0"\n',
    auth: '  proxy_listener_mode: multiplex\n',
    proxy:
      '  postgres_listen_addr: 127.0.0.1:0\n  public_addr: p.example:443\n  https_keypairs: [{key_file: web.key, cert_file: web.pem}]\n',
    rest: 'portico: {connection_log: info, drain_timeout: 20s}\n',
  })
})
afterAll(() => {
  portico.remove()
  rmSync(folder, { recursive: true, force: true })
})

describe('check', () => {
  test('says what would listen and be announced, as data', async () => {
    const plan = (await portico.run(['cluster', 'check', '-c', yaml, '--json'])).json()
    expect(plan).toMatchObject({
      version: 'v3',
      cluster: 'example',
      storage: 'file',
      joins: null,
      drainMs: 20_000,
      listen: [
        { service: 'web', address: '127.0.0.1:0' },
        { service: 'postgres', address: '127.0.0.1:0' },
        { service: 'diag', address: '127.0.0.1:0' },
      ],
      announced: { ssh: { public_addr: 'p.example:443', tunnel_listen_addr: '127.0.0.1:0' }, tls_routing_enabled: true },
    })
  })

  test('and for a person, with what is probably not meant', async () => {
    const ran = await portico.run(['cluster', 'check', '-c', yaml])
    expect(ran.code).toBe(0)
    expect(ran.out).toMatch(/^Cluster example, configuration v3, state in file\.\n\nLISTENS FOR +ADDRESS\nweb +127\.0\.0\.1:0\n/)
    expect(ran.out).toMatch(/^ssh\.public_addr +p\.example:443$/m)
    expect(ran.err).toMatch(/^Note: proxy_protocol is on for everybody/m)
  })

  test('tells every problem with its line', async () => {
    const bad = join(folder, 'bad.yaml')
    writeFileSync(bad, 'version: v3\nteleport: {data_dir: d}\nauth_service:\n  cluster_name: "a b"\nproxy_service:\n  web_listen_adr: x\n')
    const ran = await portico.run(['cluster', 'check', '-c', bad])
    expect(ran.code).toBe(1)
    expect(ran.out).toBe('')
    expect(ran.err).toContain('bad.yaml:4: auth_service.cluster_name: letters, digits')
    expect(ran.err).toContain('bad.yaml:6: proxy_service.web_listen_adr: unknown key; did you mean web_listen_addr?')
    const { error } = (await portico.run(['cluster', 'check', '-c', bad, '--json'])).json()
    expect(error).toMatchObject({ code: 'cluster/config', facts: { line: 4, key: 'auth_service.cluster_name' } })
    expect(error.facts.problems).toHaveLength(2)
  })

  test('refuses a port that nothing here serves, as the start does', async () => {
    const kube = join(folder, 'kube.yaml')
    writeFileSync(
      kube,
      'version: v3\nteleport: {data_dir: d}\nauth_service: {cluster_name: a}\nproxy_service:\n  kube_listen_addr: 1.1.1.1\n',
    )
    for (const verb of ['check', 'start']) {
      const ran = await portico.run(['cluster', verb, '-c', kube])
      expect(ran.code).toBe(1)
      expect(ran.err).toMatch(/kube\.yaml:5: proxy_service\.kube_listen_addr: not served by this version/)
    }
  })
})

describe('routes', () => {
  test('are data, in the order of the table, with what is served', async () => {
    const { routes } = (await portico.run(['cluster', 'routes', '--json'])).json()
    expect(routes).toContainEqual({
      match: { alpn: ['teleport-postgres', 'teleport-postgres-ping'] },
      tls: 'web',
      handler: 'postgres',
      served: true,
    })
    expect(routes[0]).toMatchObject({ match: { sniPrefix: 'kube-teleport-proxy-alpn.' }, tls: 'host-kube', handler: 'kube' })
    const ran = await portico.run(['cluster', 'routes', '-c', yaml])
    expect(ran.out).toMatch(/^postgres +yes +web +teleport-postgres\[-ping\]$/m)
    expect(Math.max(...ran.out.split('\n').map(line => line.length))).toBeLessThan(400)
  })
})

describe('start', () => {
  test('takes new certificates on SIGHUP, drains on SIGTERM, and loses no connection', async () => {
    const server = portico.stay(['cluster', 'start', '-c', yaml, '--json'])
    const lines: Record<string, unknown>[] = []
    let rest = ''
    server.child.stderr.on('data', part => {
      const parts = (rest + String(part)).split('\n')
      rest = parts.pop() ?? ''
      lines.push(...parts.map(line => JSON.parse(line) as Record<string, unknown>))
    })
    const ready = await server.line(({ event }) => event === 'ready')
    expect(ready).toMatchObject({ cluster: 'example', caFile: join(folder, 'web.pem'), ports: { postgres: expect.stringMatching(/^127/) } })
    const port = (address: string): number => Number(address.split(':').at(-1))
    const [web, diag] = [port(ready.proxy), port(ready.diag)]

    const before = await dial(web)
    expect(before.getPeerCertificate().subject.CN).toBe('first.example')
    writeFileSync(join(folder, 'web.key'), nextPair.key)
    writeFileSync(join(folder, 'web.pem'), nextPair.cert)
    server.child.kill('SIGHUP')
    await eventually(() => lines.find(({ event }) => event === 'cluster.certificates-reloaded'))
    const after = await dial(web)
    expect(after.getPeerCertificate().subject.CN).toBe('next.example')
    expect(await request(before, '/webapi/ping')).toContain('"cluster_name":"example"')
    before.destroy()
    after.destroy()
    expect(await eventually(() => lines.find(({ event, route }) => event === 'router.connection' && route === 'web'))).toMatchObject({
      level: 'info',
    })

    // Postgres that has not said yet who it is: it would be given its whole time.
    const busy = await dialPlain(port(ready.ports.postgres))
    busy.write(Buffer.from('0000000804d2162f', 'hex'))
    await new Promise(resolve => busy.once('data', resolve))
    const ended = server.end('SIGTERM')
    expect(await eventually(async () => ((await ask(diag, '/readyz'))?.status === 503 ? 503 : undefined))).toBe(503)
    await expect(dialPlain(web)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(busy.destroyed).toBe(false)
    busy.end()
    expect(await ended).toBe(0)
    expect(server.lines.at(-1)).toEqual({ event: 'closed' })
  }, 30_000)

  test('runs an agent where the configuration joins another cluster, and again without its token', async () => {
    const root = join(folder, 'root')
    mkdirSync(root)
    const server = portico.stay([
      'cluster',
      'start',
      '--json',
      '-c',
      await writeYaml(root, { auth: '  tokens: ["db:s3cret-of-the-test"]\n' }),
    ])
    const { proxy, caFile } = await server.line(({ event }) => event === 'ready')
    const agentYaml = (token: string): string => {
      const file = join(folder, 'agent.yaml')
      const port = String(proxy).split(':').at(-1)
      writeFileSync(
        file,
        `version: v3
teleport: {data_dir: agent, proxy_server: "localhost:${port}"${token}}
auth_service: {enabled: no}
proxy_service: {enabled: no}
db_service: {databases: [{name: far, protocol: postgres, uri: "127.0.0.1:1"}]}
portico: {ca_file: ${JSON.stringify(caFile)}}
`,
      )
      return file
    }
    const plan = (await portico.run(['cluster', 'check', '--json', '-c', agentYaml(', auth_token: s3cret-of-the-test')])).json()
    expect(plan).toMatchObject({ cluster: null, announced: null, joins: { server: 'proxy', hasToken: true } })
    const wrong = await portico.run(['cluster', 'start', '-c', agentYaml(', auth_token: stolen-and-wrong')])
    expect(wrong.code).toBe(1)
    expect(wrong.out + wrong.err).not.toContain('stolen-and-wrong')
    for (const token of [', auth_token: s3cret-of-the-test', '']) {
      const agent = portico.stay(['cluster', 'start', '--json', '-c', agentYaml(token)])
      expect(await agent.line(({ event }) => event === 'ready')).toMatchObject({ cluster: 'example', databases: ['far'], diag: null })
      expect(await agent.end()).toBe(0)
    }
    expect(await server.end()).toBe(0)
  }, 60_000)

  test('without a configuration is a mistake in the command', async () => {
    expect((await portico.run(['cluster', 'start'])).code).toBe(2)
  })
})
