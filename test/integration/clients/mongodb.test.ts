import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { MongoClient, type Document, type MongoClientOptions } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { findProgram } from '../../../electron/cluster/lab/find-program.ts'
import type { Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { encodeMsg } from '../../../electron/wire/mongodb.ts'
import { missingMongo, mongoServer, type MongoServer } from '../../kit/mongo-server.ts'
import { agentOf, removeFolders, sharedDatabase, TOKEN } from '../cluster/agent-under-test.ts'
import { labWith, openLabTunnel, type LabTunnel, type LabTunnelOptions } from './lab-tunnel.ts'
import { run } from './world.ts'
import { freePort } from '../../kit/free-port.ts'

const missing = missingMongo()
const mongosh = findProgram('mongosh')

describe.skipIf(missing !== undefined)(`a MongoDB that the lab is told of${missing === undefined ? '' : ` (${missing})`}`, () => {
  let server: MongoServer
  let lab: Lab
  const tunnels = new Map<string, LabTunnel>()
  const clients: MongoClient[] = []

  async function tunnel(mode: 'authenticated' | 'passthrough', more: Partial<LabTunnelOptions> = {}): Promise<LabTunnel> {
    const options: LabTunnelOptions = { name: 'catalog', protocol: 'mongodb', databaseUser: 'alice', mode, ...more }
    const key = JSON.stringify(options)
    const open = tunnels.get(key) ?? (await openLabTunnel(lab, options))
    tunnels.set(key, open)
    return open
  }

  function clientOf(open: LabTunnel, mode: string, options: MongoClientOptions = {}, x509?: string): MongoClient {
    const { ca, both } = open.files
    const tls = mode === 'passthrough' ? { tls: true, tlsCAFile: ca, tlsCertificateKeyFile: both } : {}
    const [user, query] =
      x509 === undefined ? ['', ''] : [`${encodeURIComponent(x509)}@`, '?authMechanism=MONGODB-X509&authSource=$external']
    const one = new MongoClient(`mongodb://${user}localhost:${open.port}/catalog${query}`, {
      family: 4,
      directConnection: true,
      serverSelectionTimeoutMS: 8_000,
      ...tls,
      ...options,
    })
    clients.push(one)
    return one
  }

  const client = async (mode: 'authenticated' | 'passthrough', options: MongoClientOptions = {}, x509?: string): Promise<MongoClient> =>
    clientOf(await tunnel(mode), mode, options, x509)

  function raw(open: LabTunnel, mode = 'authenticated'): { socket: Socket; said(): Buffer; closed: Promise<void> } {
    const at = { port: open.port, host: '127.0.0.1' }
    const socket: Socket = mode === 'authenticated' ? connect(at) : connectTls({ ...at, ...open.tls, servername: 'localhost' })
    socket.on('error', () => {})
    const parts: Buffer[] = []
    socket.on('data', part => parts.push(part))
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    return { socket, said: () => Buffer.concat(parts), closed }
  }

  const until = async (look: () => boolean, ms = 5_000): Promise<void> => {
    for (const end = Date.now() + ms; !look(); await sleep(5)) if (Date.now() > end) throw new Error('not in time')
  }

  beforeAll(async () => {
    const port = await freePort()
    lab = await labWith([], `mongodb://localhost:${port}/?readPreference=primaryPreferred`)
    server = await mongoServer(await lab.running.auth.signDatabaseServer(['localhost', '127.0.0.1'], 3_600_000), port)
    await server.start()
  }, 120_000)
  afterEach(async () => {
    for (const one of clients.splice(0)) await one.close(true)
  })
  afterAll(async () => {
    for (const open of tunnels.values()) await open.close()
    await lab?.close(0)
    await server?.remove()
    await removeFolders()
  }, 30_000)

  it('is one of its databases', () => {
    expect(lab.databases).toEqual(['archive', 'catalog', 'metrics', 'orders'])
  })

  for (const mode of ['authenticated', 'passthrough'] as const) {
    it(`${mode}, npm mongodb: inserts, cursors, aggregates, updates, deletes`, async () => {
      const rows = (await client(mode)).db().collection<{ n: number; name: string }>(`t_${mode}`)
      await rows.insertMany(Array.from({ length: 300 }, (_, n) => ({ n, name: `é ${n}` })))
      expect(await rows.find({ n: { $gte: 100 } }, { batchSize: 50 }).toArray()).toHaveLength(200)
      expect(await rows.countDocuments()).toBe(300)
      expect(await rows.aggregate([{ $group: { _id: null, most: { $max: '$n' } } }]).toArray()).toEqual([{ _id: null, most: 299 }])
      expect(await rows.updateOne({ n: 1 }, { $set: { name: 'one' } })).toMatchObject({ modifiedCount: 1 })
      expect(await rows.deleteMany({ n: { $lt: 10 } })).toMatchObject({ deletedCount: 10 })
      await rows.drop()
    })

    it.skipIf(mongosh === undefined)(`${mode}, mongosh: runs a command (a program of the system, not of Debian)`, async () => {
      const { port, files } = await tunnel(mode)
      const tls = mode === 'passthrough' ? ['--tls', '--tlsCAFile', files.ca, '--tlsCertificateKeyFile', files.both] : []
      const at = `mongodb://localhost:${port}/catalog?directConnection=true`
      const ran = await run(mongosh!, [at, ...tls, '--quiet', '--norc', '--eval', 'db.runCommand({ ping: 1 }).ok'])
      expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/^1\s*$/) })
    })

    it(`${mode}, npm mongodb: a driver that is set to X.509 is content`, async () => {
      const one = await client(mode, {}, 'CN=alice')
      expect(await one.db().command({ ping: 1 })).toMatchObject({ ok: 1 })
      expect(await one.db().collection('t').countDocuments()).toBe(0)
    })

    it(`${mode}, npm mongodb: a driver that asks for compression goes on without`, async () => {
      const one = await client(mode, { compressors: ['zlib'] })
      expect(await one.db().collection('t').countDocuments()).toBe(0)
    })

    it(`${mode}: 500 connections, each with its own answer`, async () => {
      const open = await tunnel(mode)
      const ask = async (n: number): Promise<{ socket: Socket; answers: number }> => {
        const { socket, said } = raw(open, mode)
        socket.write(encodeMsg(n, 0, { ping: 1, $db: 'admin' }))
        await until(() => said().length >= 16, 30_000)
        return { socket, answers: said().readInt32LE(8) }
      }
      const asked: Awaited<ReturnType<typeof ask>>[] = []
      // In lots: all ends of them are in this process, and a handshake has a deadline.
      while (asked.length < 500) asked.push(...(await Promise.all(Array.from({ length: 25 }, (_, n) => ask(asked.length + n)))))
      expect(asked.map(({ answers }) => answers)).toEqual(Array.from({ length: 500 }, (_, n) => n))
      for (const { socket } of asked) socket.destroy()
    }, 60_000)
  }

  it('carries documents of 15 MB', async () => {
    const rows = (await client('authenticated')).db().collection<Document>('big')
    const bytes = Buffer.alloc(15 * 1024 * 1024, 7)
    await rows.insertOne({ bytes })
    expect(Buffer.from((await rows.findOne())!['bytes'].buffer).equals(bytes)).toBe(true)
    await rows.drop()
  })

  it('refuses another sign-in than the certificate’s', async () => {
    await expect((await client('authenticated', {}, 'CN=root')).db().command({ ping: 1 })).rejects.toThrow('access denied')
    const password = { auth: { username: 'alice', password: 'x' } }
    await expect((await client('authenticated', password)).db().collection('t').findOne()).rejects.toThrow('access denied')
    await expect((await client('authenticated')).db().command({ logout: 1 })).rejects.toThrow('access denied')
  })

  it.each(['authenticated', 'passthrough'] as const)('%s: tells a role that does not allow the user', async mode => {
    const open = await tunnel(mode, { databaseUser: 'root' })
    const one = clientOf(open, mode, { serverSelectionTimeoutMS: 1_500 })
    await expect(one.db().command({ ping: 1 })).rejects.toThrow('error authorizing database access\n\taccess to db denied.')
  })

  it('says it in Teleport’s bytes, before any question [captured: mongo-tunnel-denied-user]', async () => {
    const { said, closed } = raw(await tunnel('authenticated', { databaseUser: 'root' }))
    await closed
    expect(said().subarray(0, 41).toString('hex')).toBe(
      'ab00000000000000000000000100000002000000000000000000000000000000010000008700000002',
    )
    expect(said().toString('utf8', 41)).toBe(
      '$err\0x\0\0\0error authorizing database access\n\taccess to db denied. User does not have permissions. Confirm database user and name.\0\0',
    )
  })

  it('closes without a word for a database that nobody announced', async () => {
    const { said, closed } = raw(await tunnel('authenticated', { name: 'nosuch' }))
    await closed
    expect(said()).toHaveLength(0)
  })

  it('asks the role about the logical database of each command, and goes on', async () => {
    const { auth } = lab.running
    const some = { logins: [], dbUsers: ['alice'], dbNames: ['catalog'], dbLabels: { '*': ['*'] } }
    const none = { logins: [], dbUsers: [], dbNames: [], dbLabels: {} }
    await auth.createRole({ name: 'catalog-only', maxSessionTtlMs: 3_600_000, allow: some, deny: none })
    await auth.createUser({ name: 'carol', roles: ['catalog-only'], traits: {}, password: 'a long enough one' })
    const users = [...lab.users, { name: 'carol', password: 'a long enough one', otpSecret: null, roles: ['catalog-only'] }]
    const open = await openLabTunnel(
      { ...lab, users },
      { name: 'catalog', protocol: 'mongodb', databaseUser: 'alice', mode: 'authenticated', user: 'carol' },
    )
    const one = clientOf(open, 'authenticated', { maxPoolSize: 1 })
    await one.db('catalog').collection('t').insertOne({ n: 1 })
    await expect(one.db('other').collection('t').insertOne({ n: 1 })).rejects.toMatchObject({ code: 13, codeName: 'Unauthorized' })
    await expect(one.db('other').collection('t').findOne()).rejects.toThrow('access to db denied')
    expect(await one.db('catalog').collection('t').countDocuments()).toBe(1)
    await one.db('catalog').collection('t').drop()
    await one.close()
    await open.close()
  })

  it('answers a length of 1 GB and other rubbish with words, and closes', async () => {
    for (const [hex, words] of [
      ['000000400100000000000000dd070000', 'a message of 1073741824 bytes'],
      ['0500000001000000000000000dd070000', 'a message without a header'],
      ['474554202f20485454502f312e310d0a', 'does not speak HTTP'],
      ['10000000010000000000000039300000', 'unknown opcode 12345'],
    ]) {
      const { socket, said, closed } = raw(await tunnel('authenticated'))
      socket.write(Buffer.from(hex!, 'hex'))
      await closed
      expect(said().toString('latin1')).toContain(words)
    }
  })

  it('waits for the second half of a message, and serves others meanwhile', async () => {
    const { socket, said } = raw(await tunnel('authenticated'))
    const message = encodeMsg(7, 0, { ping: 1, $db: 'admin' })
    for (const byte of message.subarray(0, 30)) {
      socket.write(Buffer.from([byte]))
      await sleep(1)
    }
    expect(await (await client('authenticated')).db().command({ ping: 1 })).toMatchObject({ ok: 1 })
    expect(said()).toHaveLength(0)
    socket.write(message.subarray(30))
    await until(() => said().length >= 4 && said().length === said().readInt32LE(0))
    expect(said().readInt32LE(8)).toBe(7)
    socket.destroy()
  })

  it('ends what is under way when the database crashes, says that it is away, and works again when it is back', async () => {
    const one = await client('authenticated', { maxPoolSize: 1, serverSelectionTimeoutMS: 1_500 })
    const rows = one.db().collection('t')
    await rows.insertMany(Array.from({ length: 2_000 }, (_, n) => ({ n })))
    const cursor = rows.find({}, { batchSize: 10 })
    await cursor.next()
    await server.kill()
    const began = Date.now()
    await expect(cursor.toArray()).rejects.toThrow()
    expect(Date.now() - began).toBeLessThan(5_000)
    const { said, closed } = raw(await tunnel('authenticated'))
    await closed
    expect(String(said())).toContain('error connecting to the database\n\tserver selection error: connection refused')
    await server.start()
    expect(await (await client('authenticated')).db().collection('t').countDocuments()).toBe(0)
  }, 30_000)

  it('ends at once what is under way when its agent dies', async () => {
    await lab.running.tokens.add({ secret: TOKEN, roles: ['db'] })
    const far = { ...sharedDatabase(lab, 'far'), dbProtocol: 'mongodb', uri: `localhost:${server.port}` }
    const agent = await agentOf(lab, [far])
    const open = await openLabTunnel(lab, { name: 'far', protocol: 'mongodb', databaseUser: 'alice', mode: 'authenticated' })
    const { socket, said, closed } = raw(open)
    socket.write(encodeMsg(7, 0, { ping: 1, $db: 'admin' }))
    await until(() => said().length > 0)
    const began = Date.now()
    await agent.close()
    await closed
    expect(Date.now() - began).toBeLessThan(5_000)
    await open.close()
  })
})
