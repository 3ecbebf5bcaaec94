import { createConnection, type Connection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startLab, type Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { ALPN } from '../../../shared/protocols.ts'
import { hasMariadb, systemMariadb, type SystemMariadb } from '../clients/mariadb.ts'
import { eventually } from '../clients/world.ts'
import { agentOf, removeFolders, TOKEN, type AgentUnderTest } from './agent-under-test.ts'
import { certificateFor, dialLab } from './lab-client.ts'
import { freePort } from '../../kit/free-port.ts'

/** Here the agent gets no client's stream handed over: what it says goes through the hop and the reverse tunnel. */
describe.skipIf(!hasMariadb)('a MariaDB behind an agent in another process', () => {
  let lab: Lab
  let database: SystemMariadb
  let agent: AgentUnderTest
  const opened: Connection[] = []

  beforeAll(async () => {
    lab = await startLab({ home: '', ephemeral: true, listen: { host: '127.0.0.1', port: 0 }, log: NO_LOG })
    await lab.running.tokens.add({ secret: TOKEN, roles: ['db'] })
    database = await systemMariadb(await freePort(), lab.running.auth.ca('db').tls.join('\n'))
    await database.start()
    database.sql(
      `create database shop; create user alice@'127.0.0.1' require subject '/CN=alice'; grant all on shop.* to alice@'127.0.0.1'`,
    )
    agent = await agentOf(lab, [
      {
        name: 'far',
        description: '',
        dbProtocol: 'mysql',
        uri: `localhost:${database.port}`,
        labels: { env: 'dev' },
        tls: { mode: 'verify-full', caCert: database.serverCa, serverName: undefined },
      },
    ])
  }, 90_000)
  afterAll(async () => {
    await agent?.close()
    await lab?.close(0)
    await database?.remove()
    await removeFolders()
  })
  afterEach(() => {
    for (const one of opened.splice(0)) one.destroy()
  })

  async function connect(user = 'alice', named = 'shop'): Promise<Connection> {
    const route = { ServiceName: 'far', Protocol: 'mysql', Username: 'alice', Database: 'shop' }
    const stream = await dialLab(lab, await certificateFor(lab, 'alice', route), [ALPN.mysql])
    const one = await createConnection({ stream, user, database: named })
    opened.push(one)
    return one
  }

  test('its version is announced, and greets', async () => {
    const version = await eventually(async () => {
      const servers = await lab.running.auth.databaseServers()
      return servers.find(({ name }) => name === 'far')?.mysqlVersion
    })
    expect(version).toContain(database.sql('select version()'))
    const { connection } = (await connect()) as unknown as { connection: { _handshakePacket: { serverVersion: string } } }
    expect(connection._handshakePacket.serverVersion).toBe(version)
  })

  test('serves queries', async () => {
    const one = await connect()
    expect((await one.query(`select current_user() as user, length(repeat('x', 5000000)) as length`))[0]).toEqual([
      { user: 'alice@127.0.0.1', length: 5_000_000 },
    ])
    expect((await one.query(`select repeat('é', 3000000) as text`))[0]).toEqual([{ text: 'é'.repeat(3_000_000) }])
  })

  test('tells what the roles and what the database refuse', async () => {
    await expect(connect('somebody')).rejects.toMatchObject({ errno: 1105, message: expect.stringContaining('access to db denied') })
    await expect(connect('alice', 'nosuch')).rejects.toMatchObject({ errno: 1044, sqlState: '42000' })
  })

  test('kills a query by the greeting’s number and by the database’s own', async () => {
    const [one, other] = [await connect(), await connect()]
    const [[{ id }]] = (await one.query('select connection_id() as id')) as unknown as [[{ id: number }]]
    for (const number of [one.threadId, id]) {
      const slept = one.query('select sum(a.seq) from seq_1_to_1000000 a join seq_1_to_1000000 b').catch((thrown: unknown) => thrown)
      await eventually(() => database.sql(`select count(*) from information_schema.processlist where info like 'select sum%'`) === '1')
      await other.query(`kill query ${number}`)
      expect(await slept).toMatchObject({ errno: 1317 })
    }
  })

  test('ends a transfer within seconds when the agent dies', async () => {
    const { connection } = (await connect()) as any
    let rows = 0
    const ended = new Promise(resolve => {
      connection.once('error', resolve)
      const stream = connection.query(`select seq, repeat('x', 1000) from seq_1_to_100000000`)
      stream.on('result', () => rows++).once('error', resolve)
    })
    await eventually(() => rows > 1_000)
    const began = Date.now()
    await agent.close()
    await ended
    expect(Date.now() - began).toBeLessThan(5_000)
    await expect(connect()).rejects.toMatchObject({
      message: expect.stringMatching(/failed to connect to any of the database servers|lost/),
    })
  })
})
