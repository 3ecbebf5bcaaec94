import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LoginResult, Trust } from '../../../electron/client/client.ts'
import { logIn } from '../../../electron/client/log-in.ts'
import { lookAtProxy } from '../../../electron/client/look-at-proxy.ts'
import { openAuthApi } from '../../../electron/client/open-auth-api.ts'
import { HAPROXY, type Balancer } from '../../kit/balancer.ts'
import { makeCertificates } from '../../kit/certificates.ts'
import { freePort } from '../../kit/free-port.ts'
import { Portico, type Staying } from '../cli/portico.ts'
import { PASSWORD, startProcess, writeAgent, writeRouter } from './cluster-processes.ts'
import { openHaproxy } from './haproxy-under-test.ts'
import { AGENT_ADDRESSES, answers, closeAll, openSessions, openSmallTunnel, through, type SmallTunnel } from './live-sessions.ts'
import { eventually, openPostgres } from './postgres-under-test.ts'

const CONNECTIONS = 100

const certificates = await makeCertificates()
const canRun = HAPROXY !== undefined && process.platform === 'linux'
const postgres = canRun ? await openPostgres({ addresses: AGENT_ADDRESSES, keyPair: await certificates.server() }) : undefined
const missing = postgres === undefined ? ' (needs haproxy, PostgreSQL, and Linux for 127.0.0.2)' : ''

describe.skipIf(postgres === undefined)(`two routers on one PostgreSQL and two agents, each a process${missing}`, () => {
  const portico = new Portico()
  const trust: Trust = { extraRoots: [certificates.webRoot], caPin: undefined, insecure: false }
  const routers: Staying[] = []
  const agents: Staying[] = []
  const configs: string[] = []
  const tunnels: SmallTunnel[] = []
  const ports: number[] = []
  let haproxy: Balancer

  async function signIn(port = haproxy.port): Promise<LoginResult> {
    const ping = await lookAtProxy(`localhost:${port}`, trust)
    return logIn({ proxy: { host: 'localhost', port }, ping, user: 'alice', password: PASSWORD, trust })
  }
  async function ask<T>(
    { files, hostCas }: LoginResult,
    port: number,
    question: (api: Awaited<ReturnType<typeof openAuthApi>>) => Promise<T>,
  ) {
    const proxy = { host: 'localhost', port }
    const api = await openAuthApi({ proxy, rootCluster: 'shared', cluster: 'shared', login: files, hostCas })
    try {
      return await question(api)
    } finally {
      api.close()
    }
  }
  /** Through that router: each shows the agents that it has a tunnel of. */
  const listed = (login: LoginResult, port: number): Promise<string> =>
    ask(login, port, async api => (await api.listDatabases()).map(({ name }) => name).join())
  const ALL = 'only-agent0,only-agent1,orders'

  /** @param port of one router, or of the balancer before them */
  async function openTunnel(login: LoginResult, port: number): Promise<number> {
    const route = { cluster: 'shared', name: 'orders', dbProtocol: 'postgres', databaseUser: 'portico', databaseName: 'postgres' }
    const cert = await ask(login, haproxy.port, api => api.databaseCertificate(route, Date.now() + 3_600_000))
    const tunnel = await openSmallTunnel(port, login, cert, trust.extraRoots)
    tunnels.push(tunnel)
    return tunnel.port
  }

  beforeAll(async () => {
    ports.push(await freePort(), await freePort())
    haproxy = await openHaproxy(ports)
    const [storage, keyPair, { webRoot }] = [await postgres!.database(), await certificates.server(), certificates]
    const publicPort = haproxy.port
    for (const [at, listen] of ports.entries()) {
      configs.push(writeRouter(portico, { name: `router${at}`, listen, publicPort, keyPair, webRoot, storage }))
      // The first one makes the key.
      routers.push(await startProcess(portico, configs[at]!))
    }
    for (const at of [0, 1]) {
      const config = writeAgent(portico, { name: `agent${at}`, publicPort, webRoot, at, databasePort: postgres!.port })
      agents.push(await startProcess(portico, config))
    }
  }, 60_000)
  afterAll(async () => {
    for (const tunnel of tunnels) tunnel.close()
    await Promise.all([...agents, ...routers].map(one => one.end('SIGKILL')))
    await haproxy?.close()
    await postgres?.close()
    portico.remove()
  })

  test('hold a tunnel to each, so either may be killed', { timeout: 60_000 }, async () => {
    const login = await signIn()
    for (const port of ports) await eventually(async () => (await listed(login, port)) === ALL)
    const direct = [await openTunnel(login, ports[0]!), await openTunnel(login, ports[1]!)]
    const [first, second] = [await openSessions(direct[0]!, CONNECTIONS / 2), await openSessions(direct[1]!, CONNECTIONS / 2)]
    for (const sessions of [first, second]) expect(Math.min(through(sessions, 0), through(sessions, 1))).toBeGreaterThan(0)
    const balanced = await openTunnel(login, haproxy.port)

    await routers[0]!.end('SIGKILL')
    // At once, while the balancer still takes the dead one for alive.
    const more = await openSessions(balanced, 20)
    expect(Math.min(through(more, 0), through(more, 1))).toBeGreaterThan(0)
    expect(await listed(login, haproxy.port)).toBe(ALL)
    await eventually(() => first.every(({ isOpen }) => !isOpen))
    for (const session of [...second, ...more]) expect(await answers(session)).toBe(true)

    // Agents come back to it without a hand, and it serves both of them.
    routers[0] = await startProcess(portico, configs[0]!)
    const took = await eventually(async () => (await listed(login, ports[0]!)) === ALL)
    expect(took).toBeLessThan(5_000)
    const again = await openSessions(direct[0]!, 20)
    expect(Math.min(through(again, 0), through(again, 1))).toBeGreaterThan(0)
    for (const session of second) expect(await answers(session)).toBe(true)
    await closeAll([...second, ...more, ...again])
  })
})
