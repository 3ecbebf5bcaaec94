import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startLab, type Lab } from '../../../electron/cluster/lab/start-lab.ts'
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
