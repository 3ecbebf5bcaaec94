import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startLab, type Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { openAuthApi } from '../../../electron/client/open-auth-api.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { caPin } from '../../../electron/wire/x509.ts'
import { agentOf, removeFolders, sharedDatabase, TOKEN, type AgentUnderTest } from './agent-under-test.ts'
import { certificateFor, openLocalPort, run, type LocalPort, type ProgramEnd } from './lab-client.ts'

let lab: Lab
const opened: { close(): unknown }[] = []

beforeAll(async () => {
  lab = await startLab({ home: '', ephemeral: true, listen: { host: '127.0.0.1', port: 0 }, log: NO_LOG })
  await lab.running.tokens.add({ secret: TOKEN, roles: ['db'] })
}, 90_000)
afterAll(async () => {
  await lab?.close(0)
  await removeFolders()
})
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close()
})

async function agent(...given: Parameters<typeof agentOf> extends [unknown, ...infer Rest] ? Rest : never): Promise<AgentUnderTest> {
  const started = await agentOf(lab, ...given)
  opened.push(started)
  return started
}

async function portFor(database: string): Promise<LocalPort> {
  const port = await openLocalPort(lab, await certificateFor(lab, 'alice', { ServiceName: database, Username: 'alice', Database: 'shop' }))
  opened.push(port)
  return port
}

const query = ({ port }: LocalPort, sql = 'select current_user, count(*) from orders'): Promise<ProgramEnd> =>
  run('psql', [`host=127.0.0.1 port=${port} user=alice dbname=shop`, '-X', '-Atc', sql])

describe('an agent in another process', () => {
  test('joins by a token and serves its database over its tunnel', async () => {
    await agent([sharedDatabase(lab, 'far')])
    const end = await query(await portFor('far'))
    expect(end).toMatchObject({ code: 0, stdout: 'alice|120000\n', stderr: '' })
  })

  test('keeps its certificates and needs no token for the next start', async () => {
    const first = await agent([sharedDatabase(lab, 'kept')])
    await first.close()
    const second = await agent([sharedDatabase(lab, 'kept')], { dataDir: first.dataDir, token: async () => undefined })
    expect(second.hostId).toBe(first.hostId)
    expect((await query(await portFor('kept'))).code).toBe(0)
  })

  test.each([
    [
      'is unknown',
      'another-token',
      { code: 'access/denied', why: '"agent-host" can not join the cluster with role Db, the token is not valid' },
    ],
    [
      'is for leaf clusters',
      'for-leaves',
      { code: 'access/denied', why: 'node "agent-host" can not join the cluster, the token does not allow "Db" role' },
    ],
    [
      'has expired',
      'expired',
      { code: 'access/denied', why: '"agent-host" can not join the cluster with role Db, the token is not valid' },
    ],
  ])('does not join with a token that %s', async (_what, token, { code, why }) => {
    await lab.running.tokens.add({ secret: 'for-leaves', roles: ['trusted_cluster'] })
    await lab.running.tokens.add({ secret: 'expired', roles: ['db'], expires: Date.now() - 1 })
    await expect(agent([], { token: async () => token })).rejects.toMatchObject({ code, facts: { why } })
  })

  test('trusts the web certificate and the pin, or sends no token', async () => {
    await expect(agent([], { extraRoots: [] })).rejects.toMatchObject({ code: 'proxy/unreachable' })
    await expect(agent([], { caPins: [`sha256:${'0'.repeat(64)}`] })).rejects.toMatchObject({ code: 'proxy/pin-mismatch' })
    await agent([], { caPins: lab.running.auth.ca('host').tls.map(caPin) })
  })
})

/** What alice's list shows of a database: the host ids of its agents. */
async function listedAgents(database: string): Promise<readonly string[]> {
  const { key, cert } = await certificateFor(lab, 'alice', undefined, [])
  const api = await openAuthApi({
    proxy: { host: 'localhost', port: lab.running.address.port },
    rootCluster: 'lab',
    cluster: 'lab',
    login: { tlsKey: key, tlsCert: cert },
    hostCas: [lab.running.auth.ca('host')],
  })
  const found = (await api.listDatabases()).find(({ name }) => name === database)
  api.close()
  return found?.agents ?? []
}

async function until(what: () => boolean | Promise<boolean>, ms: number): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 50))) if (await what()) return
  throw new Error('it did not come about in time')
}

describe('an agent that comes and goes', () => {
  test('is in the lists at once, and gone from them when it is; its record stays for the text', async () => {
    const started = await agent([sharedDatabase(lab, 'coming')])
    expect(await listedAgents('coming')).toEqual([started.hostId])
    const port = await portFor('coming')
    await started.close()
    await until(async () => (await listedAgents('coming')).length === 0, 5_000)
    const end = await query(port)
    expect(end.stderr).toContain('failed to connect to any of the database servers')
    await agent([sharedDatabase(lab, 'coming')], { dataDir: started.dataDir })
    expect(await listedAgents('coming')).toEqual([started.hostId])
    expect((await query(port)).code).toBe(0)
  })

  test('takes back what it no longer serves', async () => {
    const started = await agent([sharedDatabase(lab, 'kept-on'), sharedDatabase(lab, 'given-up')])
    await started.close()
    await agent([sharedDatabase(lab, 'kept-on')], { dataDir: started.dataDir })
    expect(await listedAgents('kept-on')).toEqual([started.hostId])
    expect(await listedAgents('given-up')).toEqual([])
  })

  test('ends open sessions with it, and leaves those of another one alone', async () => {
    const [one, other] = [await agent([sharedDatabase(lab, 'one')]), await agent([sharedDatabase(lab, 'other')])]
    const [dying, living] = [query(await portFor('one'), 'select pg_sleep(2)'), query(await portFor('other'), 'select pg_sleep(2)')]
    await new Promise(resolve => setTimeout(resolve, 700))
    const began = performance.now()
    await one.close()
    expect((await dying).stderr).toContain('server closed the connection unexpectedly')
    expect(performance.now() - began).toBeLessThan(1_000)
    expect((await living).code).toBe(0)
    expect(await listedAgents('other')).toEqual([other.hostId])
  })

  test('shares the load with another one, which goes on alone', async () => {
    const [one, other] = [await agent([sharedDatabase(lab, 'twice')]), await agent([sharedDatabase(lab, 'twice')])]
    expect((await listedAgents('twice')).toSorted()).toEqual([one.hostId, other.hostId].toSorted())
    const port = await portFor('twice')
    const ends = await Promise.all(Array.from({ length: 8 }, () => query(port, 'select pg_sleep(0.1)')))
    expect(ends.map(({ code }) => code)).toEqual(Array(8).fill(0))
    await one.close()
    for (let count = 0; count < 6; count++) expect(await query(port, 'select 1')).toMatchObject({ code: 0, stdout: '1\n' })
    expect(await listedAgents('twice')).toEqual([other.hostId])
    await other.close()
    expect((await query(port)).stderr).toContain('failed to connect to any of the database servers')
  })
})
