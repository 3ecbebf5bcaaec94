import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KeyPair } from '../../../electron/cluster/auth/auth.ts'
import type { AuthApi, LoginResult, Trust } from '../../../electron/client/client.ts'
import { logIn } from '../../../electron/client/log-in.ts'
import { lookAtProxy } from '../../../electron/client/look-at-proxy.ts'
import { openAuthApi } from '../../../electron/client/open-auth-api.ts'
import { HAPROXY, type Balancer } from '../../kit/balancer.ts'
import { makeCertificates } from '../../kit/certificates.ts'
import { freePort } from '../../kit/free-port.ts'
import { Portico, type Staying } from '../cli/portico.ts'
import { openHaproxy } from './haproxy-under-test.ts'
import {
  AGENT_ADDRESSES,
  answers,
  closeAll,
  openSession,
  openSessions,
  openSmallTunnel,
  through,
  type Session,
  type SmallTunnel,
} from './live-sessions.ts'
import { eventually, openPostgres } from './postgres-under-test.ts'

const CONNECTIONS = 100
const PASSWORD = 'correct horse'

const certificates = await makeCertificates()
const canRun = HAPROXY !== undefined && process.platform === 'linux'
const postgres = canRun ? await openPostgres({ addresses: AGENT_ADDRESSES, keyPair: await certificates.server() }) : undefined
const missing = postgres === undefined ? ' (needs haproxy, PostgreSQL, and Linux for 127.0.0.2)' : ''

describe.skipIf(postgres === undefined)(`two routers on one PostgreSQL behind haproxy${missing}`, () => {
  let portico: Portico
  let haproxy: Balancer
  const trust: Trust = { extraRoots: [certificates.webRoot], caPin: undefined, insecure: false }
  const routers: Staying[] = []
  const tunnels: SmallTunnel[] = []

  /** Everything of one machine but the storage is its own; the key file is the one thing that an operator copies. */
  async function writeConfig(at: number, listen: number, storage: string, keyPair: KeyPair, keyFile = '../storage.key'): Promise<string> {
    const folder = join(portico.home, `machine${at + 1}`)
    mkdirSync(folder)
    writeFileSync(join(folder, 'web.key'), keyPair.key)
    // With its issuer: a chain that leads nowhere is refused.
    writeFileSync(join(folder, 'web.crt'), keyPair.cert + certificates.webRoot)
    writeFileSync(join(folder, 'alice.password'), PASSWORD)
    const everything = { db_users: ['*'], db_names: ['*'], db_labels: { '*': '*' } }
    const config = {
      version: 'v3',
      teleport: {
        nodename: `machine${at + 1}`,
        data_dir: 'data',
        storage: { type: 'postgresql', conn_string: storage, key_file: keyFile },
      },
      auth_service: {
        enabled: true,
        cluster_name: 'shared',
        proxy_listener_mode: 'multiplex',
        authentication: { type: 'local', second_factor: 'off' },
      },
      proxy_service: {
        enabled: true,
        web_listen_addr: `127.0.0.1:${listen}`,
        public_addr: `localhost:${haproxy.port}`,
        https_keypairs: [{ key_file: 'web.key', cert_file: 'web.crt' }],
      },
      db_service: {
        enabled: true,
        databases: [
          {
            name: 'orders',
            protocol: 'postgres',
            uri: `${AGENT_ADDRESSES[at] ?? '127.0.0.1'}:${postgres!.port}`,
            tls: { mode: 'insecure' },
          },
        ],
      },
      portico: {
        roles: [{ name: 'all', allow: everything }],
        users: [{ name: 'alice', roles: ['all'], password_file: 'alice.password' }],
      },
    }
    // JSON is YAML.
    writeFileSync(join(folder, 'portico.yaml'), JSON.stringify(config, undefined, 2))
    return join(folder, 'portico.yaml')
  }
  async function start(config: string): Promise<Staying> {
    const router = portico.stay(['cluster', 'start', '-c', config, '--json'])
    await router.line(line => line.event === 'ready')
    return router
  }
  async function signIn(): Promise<LoginResult> {
    const ping = await lookAtProxy(`localhost:${haproxy.port}`, trust)
    return logIn({ proxy: { host: 'localhost', port: haproxy.port }, ping, user: 'alice', password: PASSWORD, trust })
  }
  const openApi = ({ files, hostCas }: LoginResult): Promise<AuthApi> =>
    openAuthApi({ proxy: { host: 'localhost', port: haproxy.port }, rootCluster: 'shared', cluster: 'shared', login: files, hostCas })
  async function listed(login: LoginResult): Promise<readonly string[]> {
    const api = await openApi(login)
    try {
      return (await api.listDatabases()).map(({ name }) => name)
    } finally {
      api.close()
    }
  }

  /** Every connection to the port goes through haproxy. */
  async function openTunnel(login: LoginResult): Promise<number> {
    const api = await openApi(login)
    const route = { cluster: 'shared', name: 'orders', dbProtocol: 'postgres', databaseUser: 'portico', databaseName: 'postgres' }
    const cert = await api.databaseCertificate(route, Date.now() + 3_600_000)
    api.close()
    const tunnel = await openSmallTunnel(haproxy.port, login, cert, trust.extraRoots)
    tunnels.push(tunnel)
    return tunnel.port
  }

  const configs: string[] = []
  beforeAll(async () => {
    portico = new Portico()
    const ports = [await freePort(), await freePort()]
    haproxy = await openHaproxy(ports)
    const storage = await postgres!.database()
    const keyPair = await certificates.server()
    for (const [at, port] of ports.entries()) configs.push(await writeConfig(at, port, storage, keyPair))
    // The first one makes the key.
    routers.push(await start(configs[0]!))
    routers.push(await start(configs[1]!))
  }, 60_000)
  afterAll(async () => {
    for (const tunnel of tunnels) tunnel.close()
    await Promise.all(routers.map(router => router.end('SIGKILL')))
    await haproxy?.close()
    await postgres?.close()
    portico.remove()
  })

  test('lose only the connections of the one that is killed, and everything else goes on', { timeout: 60_000 }, async () => {
    const login = await signIn()
    const port = await openTunnel(login)
    const sessions = await openSessions(port, CONNECTIONS)
    const shares = [through(sessions, 0), through(sessions, 1)]
    expect(Math.min(...shares)).toBeGreaterThan(CONNECTIONS / 4)

    await routers[0]!.end('SIGKILL')
    // At once, while haproxy still takes the dead one for alive.
    const again = await signIn()
    expect(await listed(again)).toEqual(['orders'])
    expect(await listed(login)).toEqual(['orders'])
    const more = await openSessions(port, 20)
    expect(through(more, 1)).toBe(20)
    const fresh = await openSessions(await openTunnel(again), 5)

    await eventually(() => sessions.every(session => session.isOpen === (session.agent === 1)))
    for (const session of sessions) if (session.isOpen) expect(await answers(session)).toBe(true)

    routers[0] = await start(configs[0]!)
    const shared: Session[] = []
    await eventually(async () => {
      shared.push(...(await openSessions(port, 4)))
      return through(shared, 0) > 0 && through(shared, 1) > 0
    }, 10_000)
    for (let tries = 0; tries < 4; tries++) expect((await signIn()).user).toBe('alice')
    expect(await listed(login)).toEqual(['orders'])
    await closeAll([...sessions, ...more, ...fresh, ...shared])
  })

  test('come back when their database was restarted', { timeout: 60_000 }, async () => {
    const login = await signIn()
    const port = await openTunnel(login)
    await postgres!.stop()
    await expect(signIn()).rejects.toMatchObject({ code: expect.stringMatching(/^proxy\//) })
    await expect(openSession(port)).rejects.toThrow()
    await postgres!.start()
    expect((await signIn()).user).toBe('alice')
    expect(await listed(login)).toEqual(['orders'])
    const sessions = await openSessions(port, 20)
    expect(Math.min(through(sessions, 0), through(sessions, 1))).toBeGreaterThan(0)
    await closeAll(sessions)
  })

  test('take no third one that has no key or another key', { timeout: 60_000 }, async () => {
    const config = await writeConfig(2, await freePort(), await postgres!.database(), await certificates.server(), 'own.key')
    const other = await start(config)
    await other.end()
    const text = readFileSync(config, 'utf8')
    writeFileSync(config, text.replace(/\/test_\d+"/, '/test_1"'))
    const refused = await portico.run(['cluster', 'start', '-c', config, '--json'])
    expect([refused.code, refused.json().error.code]).toEqual([1, 'cluster/config'])
    expect(refused.json().error.message).toContain('own.key is not the key that the state of this cluster is sealed with')
    rmSync(join(config, '..', 'own.key'))
    expect((await portico.run(['cluster', 'start', '-c', config, '--json'])).json().error.message).toContain('own.key is missing: copy it')
    expect((await signIn()).user).toBe('alice')
  })
})
