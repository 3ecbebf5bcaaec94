import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificates } from '../../kit/certificates.ts'
import { Portico, type Staying } from '../cli/portico.ts'
import { PASSWORD, startProcess, writeAgent, writeRouter } from '../storage/cluster-processes.ts'
import { AGENT_ADDRESSES, answers, closeAll, openSessions, through, type Session } from '../storage/live-sessions.ts'
import { freePort } from '../../kit/free-port.ts'
import { eventually, openPostgres } from '../storage/postgres-under-test.ts'

const CONNECTIONS = 100
/** What the lists may take to tell who came or went, ms. */
const LISTED_MS = 5_000

const certificates = await makeCertificates()
const canRun = process.platform === 'linux'
const postgres = canRun ? await openPostgres({ addresses: AGENT_ADDRESSES, keyPair: await certificates.server() }) : undefined
const missing = postgres === undefined ? ' (needs PostgreSQL, and Linux for 127.0.0.2)' : ''

describe.skipIf(postgres === undefined)(`a router and two agents, each a process${missing}`, () => {
  const portico = new Portico()
  const agents: Staying[] = []
  const agentConfigs: string[] = []
  let routerConfig: string
  let router: Staying
  let tunnel: Staying
  let port: number

  const listed = async (): Promise<readonly string[]> => {
    const ran = await portico.run(['db', 'ls', '--json'])
    return ran.code === 0 ? ran.json().databases.map((one: { name: string }) => one.name) : []
  }
  const isListed =
    (...names: readonly string[]) =>
    async (): Promise<boolean> =>
      (await listed()).join() === names.join()
  const areOpen = (sessions: readonly Session[]) => (): boolean => sessions.every(({ isOpen }) => isOpen)

  beforeAll(async () => {
    const listen = await freePort()
    const { webRoot } = certificates
    routerConfig = writeRouter(portico, { name: 'router', listen, publicPort: listen, keyPair: await certificates.server(), webRoot })
    router = await startProcess(portico, routerConfig)
    for (const at of [0, 1]) {
      const config = writeAgent(portico, { name: `agent${at}`, publicPort: listen, webRoot, at, databasePort: postgres!.port })
      agentConfigs.push(config)
      agents.push(await startProcess(portico, config))
    }
    const caFile = join(portico.home, 'ca.pem')
    writeFileSync(caFile, webRoot)
    const signIn = ['login', '--proxy', `localhost:${listen}`, '--user', 'alice', '--ca-file', caFile, '--password-stdin']
    expect((await portico.run(signIn, { input: `${PASSWORD}\n` })).code).toBe(0)
    tunnel = portico.stay(['proxy', 'db', 'orders', '--db-user', 'portico', '--db-name', 'postgres', '--port', '0', '--json'])
    port = (await tunnel.line(line => line.event === 'open')).address.port
  }, 60_000)
  afterAll(async () => {
    await Promise.all([tunnel, router, ...agents].map(one => one?.end('SIGKILL')))
    await postgres?.close()
    portico.remove()
  })

  test('lose only the connections of an agent that is killed, and have it back when it is started', { timeout: 60_000 }, async () => {
    expect(await listed()).toEqual(['only-agent0', 'only-agent1', 'orders'])
    const sessions = await openSessions(port, CONNECTIONS)
    expect(Math.min(through(sessions, 0), through(sessions, 1))).toBeGreaterThan(CONNECTIONS / 4)

    await agents[0]!.end('SIGKILL')
    // At once: nobody waits until the router has heard of it.
    const more = await openSessions(port, 20)
    expect(through(more, 1)).toBe(20)
    await eventually(() => sessions.every(({ agent, isOpen }) => isOpen === (agent === 1)))
    for (const session of sessions) if (session.isOpen) expect(await answers(session)).toBe(true)
    await eventually(isListed('only-agent1', 'orders'), LISTED_MS)

    agents[0] = await startProcess(portico, agentConfigs[0]!)
    await eventually(isListed('only-agent0', 'only-agent1', 'orders'), LISTED_MS)
    const shared = await openSessions(port, 20)
    expect(Math.min(through(shared, 0), through(shared, 1))).toBeGreaterThan(0)
    await closeAll([...sessions, ...more, ...shared])
  })

  test('come back without a hand when the router is killed and started again', { timeout: 60_000 }, async () => {
    const sessions = await openSessions(port, CONNECTIONS)
    await router.end('SIGKILL')
    await eventually(() => sessions.every(({ isOpen }) => !isOpen))
    router = await startProcess(portico, routerConfig)
    await eventually(isListed('only-agent0', 'only-agent1', 'orders'), LISTED_MS)
    const again = await openSessions(port, CONNECTIONS)
    expect(Math.min(through(again, 0), through(again, 1))).toBeGreaterThan(CONNECTIONS / 4)
    expect(areOpen(again)()).toBe(true)
    await closeAll(again)
  })

  test('finish what runs while a router that is to end drains, and come to the next one meanwhile', { timeout: 60_000 }, async () => {
    const sessions = await openSessions(port, CONNECTIONS)
    const ended = router.end('SIGTERM')
    await eventually(async () => (await portico.run(['db', 'ls', '--json'])).code !== 0)
    for (const session of sessions) expect(await answers(session)).toBe(true)
    // Its port is free while it still drains.
    router = await startProcess(portico, routerConfig)
    await eventually(isListed('only-agent0', 'only-agent1', 'orders'), LISTED_MS)
    const more = await openSessions(port, 20)
    expect(Math.min(through(more, 0), through(more, 1))).toBeGreaterThan(0)
    expect(areOpen(sessions)()).toBe(true)
    for (const session of sessions) expect(await answers(session)).toBe(true)
    await closeAll(sessions)
    expect(await ended).toBe(0)
    expect(areOpen(more)()).toBe(true)
    await closeAll(more)
  })
})
