import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { findProgram } from '../../../electron/cluster/lab/find-program.ts'
import { redis as redisPart } from '../../../electron/cluster/lab/redis-server.ts'
import type { Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { encodeCommand } from '../../../electron/wire/redis.ts'
import { agentOf, removeFolders, sharedDatabase, TOKEN } from '../cluster/agent-under-test.ts'
import { run } from '../cluster/lab-client.ts'
import { labWith, openLabTunnel, restarted, type LabTunnel } from './lab-tunnel.ts'

const hasRedis = findProgram('redis-server') !== undefined
const hasCli = findProgram('redis-cli') !== undefined

describe.skipIf(!hasRedis)('the Redis of the lab', () => {
  const server = restarted(redisPart())
  let lab: Lab
  const tunnels = new Map<string, LabTunnel>()
  const clients: Redis[] = []

  async function tunnel(mode: LabTunnel | 'authenticated' | 'passthrough', databaseUser = 'alice', user = 'alice'): Promise<LabTunnel> {
    if (typeof mode !== 'string') return mode
    const name = `${mode} ${databaseUser} ${user}`
    const open = tunnels.get(name) ?? (await openLabTunnel(lab, { name: 'sessions', protocol: 'redis', databaseUser, mode, user }))
    tunnels.set(name, open)
    return open
  }

  async function client(mode: LabTunnel | 'authenticated' | 'passthrough', more: object = {}): Promise<Redis> {
    const { port, tls } = await tunnel(mode)
    const one = new Redis({
      host: 'localhost',
      port,
      family: 4,
      lazyConnect: true,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      ...(mode === 'passthrough' ? { tls: { ...tls, servername: 'localhost' } } : {}),
      ...more,
    })
    one.on('error', () => {})
    clients.push(one)
    await one.connect()
    return one
  }

  async function raw(open: LabTunnel): Promise<{ socket: Socket; said(): string; closed: Promise<void> }> {
    const socket = connect(open.port, '127.0.0.1').on('error', () => {})
    let text = ''
    socket.on('data', part => (text += String(part)))
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    await new Promise(resolve => socket.once('connect', resolve))
    return { socket, said: () => text, closed }
  }

  const until = async (look: () => boolean): Promise<void> => {
    for (const end = Date.now() + 5_000; !look(); await sleep(5)) if (Date.now() > end) throw new Error('not in time')
  }

  async function answers(databaseUser: string, bytes: string | Buffer, expected: string): Promise<void> {
    const { socket, said } = await raw(await tunnel('authenticated', databaseUser))
    socket.write(bytes)
    await until(() => said().length >= expected.length).catch(() => {})
    expect(said()).toBe(expected)
    socket.destroy()
  }

  beforeAll(async () => {
    lab = await labWith([server.part])
  }, 60_000)
  afterEach(() => {
    for (const one of clients.splice(0)) one.disconnect()
  })
  afterAll(async () => {
    for (const open of tunnels.values()) await open.close()
    await lab?.close(0)
    await removeFolders()
  }, 30_000)

  it('is one of the lab’s databases, seeded', async () => {
    expect(lab.databases).toEqual(['archive', 'metrics', 'orders', 'sessions'])
    const one = await client('authenticated')
    expect(await one.hgetall('session:1001')).toMatchObject({ customer: '17', agent: 'Firefox' })
  })

  for (const mode of ['authenticated', 'passthrough'] as const) {
    it(`${mode}, ioredis: is alice without any password, and has no way to change the server`, async () => {
      const one = await client(mode)
      expect(await one.call('ACL', 'WHOAMI').catch((error: Error) => error.message)).toMatch(/^NOPERM|^alice$/)
      await one.set('k é', 'v é')
      expect(await one.get('k é')).toBe('v é')
      await expect(one.config('GET', 'dir')).rejects.toThrow('NOPERM')
    })

    it(`${mode}, ioredis: pipelines, transactions, scripts and 8 MB values`, async () => {
      const one = await client(mode)
      const pipeline = one.pipeline()
      for (let n = 0; n < 2_000; n++) pipeline.set(`n:${n}`, String(n)).get(`n:${n}`)
      const got = await pipeline.exec()
      expect(got?.filter((_, index) => index % 2 === 1).map(([, value]) => value)).toEqual(
        Array.from({ length: 2_000 }, (_, n) => String(n)),
      )
      expect(await one.multi().incr('count').incr('count').exec()).toMatchObject([
        [null, expect.any(Number)],
        [null, expect.any(Number)],
      ])
      expect(await one.eval('return redis.call("GET", KEYS[1])', 1, 'n:7')).toBe('7')
      const big = Buffer.alloc(8 * 1024 * 1024, 'AUTH bob\r\n*2\r\n$4\r\nAUTH\r\n$3\r\nbob\r\n')
      await one.set('big', big)
      expect((await one.getBuffer('big'))?.equals(big)).toBe(true)
    })

    it(`${mode}, ioredis: what is published is heard by patterns and channels`, async () => {
      const [speaker, listener] = [await client(mode), await client(mode)]
      await listener.subscribe('news')
      await listener.psubscribe('n*')
      const heard: string[] = []
      listener.on('message', (_channel, text) => heard.push(text)).on('pmessage', (_pattern, _channel, text) => heard.push(`p ${text}`))
      await speaker.publish('news', 'é')
      await until(() => heard.length === 2)
      expect(heard.toSorted()).toEqual(['p é', 'é'])
      await listener.unsubscribe('news')
      await listener.punsubscribe('n*')
      expect(await listener.ping()).toBe('PONG')
    })

    it(`${mode}, ioredis: takes whatever password comes with the right user`, async () => {
      const one = await client(mode, { username: 'alice', password: 'anything' })
      expect(await one.ping()).toBe('PONG')
    })

    it.runIf(hasCli)(`${mode}, redis-cli: reads and writes, RESP3 too`, async () => {
      const { port, files } = await tunnel(mode)
      const tls = mode === 'passthrough' ? ['--tls', '--cacert', files.ca, '--cert', files.cert, '--key', files.key] : []
      const at = ['-h', 'localhost', '-p', String(port), ...tls]
      expect(await run('redis-cli', [...at, 'hget', 'session:1002', 'agent'])).toEqual({ code: 0, stdout: 'Safari\n', stderr: '' })
      expect((await run('redis-cli', ['-3', ...at, 'hello', '3'])).stdout).toContain('proto')
      expect((await run('redis-cli', ['-3', ...at, '-n', '1', 'set', 'k', 'v'])).stdout).toBe('OK\n')
    })

    it(`${mode}: 500 connections, each with its own answers`, async () => {
      const all: Redis[] = []
      // In lots: all ends of them are in this process, and a handshake has a deadline.
      while (all.length < 500) all.push(...(await Promise.all(Array.from({ length: 25 }, () => client(mode, { connectTimeout: 30_000 })))))
      expect(await Promise.all(all.map((one, n) => one.echo(String(n))))).toEqual(all.map((_, n) => String(n)))
    }, 60_000)
  }

  it('answers HELLO 3 with a map', async () => {
    const { socket, said } = await raw(await tunnel('authenticated'))
    socket.write(encodeCommand(['HELLO', '3', 'AUTH', 'alice', 'x', 'SETNAME', 'me']))
    await until(() => said().startsWith('%7\r\n'))
    socket.destroy()
  })

  it('refuses another user in its place among the answers, and goes on', () =>
    answers(
      'alice',
      Buffer.concat([
        encodeCommand(['ECHO', 'one']),
        encodeCommand(['AUTH', 'bob', 'x']),
        encodeCommand(['ECHO', 'two']),
        encodeCommand(['auth', 'pw']),
        encodeCommand(['HELLO', '3', 'AUTH', 'reader', 'x']),
        encodeCommand(['RESET']),
        encodeCommand(['ECHO', 'three']),
      ]),
      '$3\r\none\r\n' +
        '-ERR Teleport: failed to authenticate as bob user. Please provide a correct db username when connecting to Redis\r\n' +
        '$3\r\ntwo\r\n' +
        '-ERR Teleport: failed to authenticate as the default user. Please provide the db username when connecting to Redis\r\n' +
        '-ERR Teleport: failed to authenticate as reader user. Please provide a correct db username when connecting to Redis\r\n' +
        '-ERR Teleport: RESET would sign this session out. Please open a new connection instead\r\n' +
        '$5\r\nthree\r\n',
    ))

  it('answers what is no command in words, and closes', async () => {
    for (const [bytes, quoted] of [
      ['PING\r\n', String.raw`"PING"`],
      ['*01\r\n$4\r\nPING\r\n', '"*01"'],
      ['*1\r\n$-1\r\n', '"$-1"'],
    ]) {
      const { socket, said, closed } = await raw(await tunnel('authenticated'))
      socket.write(bytes!)
      await closed
      expect(said()).toBe(`-ERR Teleport: redis: can't parse ${quoted}\r\n`)
    }
  })

  it('says why to a role that does not allow the user, before any command', async () => {
    const { said, closed } = await raw(await tunnel('authenticated', 'root'))
    await closed
    expect(said()).toBe('-ERR Teleport: access to db denied. User does not have permissions. Confirm database user and name.\r\n')
  })

  it('lets reader only read', async () => {
    const one = await client(await tunnel('authenticated', 'reader'))
    expect(await one.get('shop:name')).toBe('Portico')
    await expect(one.set('k', 'v')).rejects.toThrow('NOPERM')
  })

  it('closes without a word for a database that nobody announced', async () => {
    const open = await openLabTunnel(lab, { name: 'nosuch', protocol: 'redis', databaseUser: 'alice', mode: 'authenticated' })
    const { said, closed } = await raw(open)
    await closed
    expect(said()).toBe('')
    await open.close()
  })

  it('leaves the judgement of a length of 1 GB to Redis, which refuses it', async () => {
    const { socket, said, closed } = await raw(await tunnel('authenticated'))
    socket.write('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1073741824\r\n')
    await closed
    expect(said()).toBe('-ERR Protocol error: invalid bulk length\r\n')
  })

  it('refuses a login of 1 GB itself', async () => {
    const { socket, said, closed } = await raw(await tunnel('authenticated'))
    socket.write('*3\r\n$4\r\nAUTH\r\n$1073741824\r\n')
    await closed
    expect(said()).toBe('-ERR Teleport: redis: the command is too long\r\n')
  })

  it('waits for the second half of a command, and serves others meanwhile', async () => {
    const { socket, said } = await raw(await tunnel('authenticated'))
    const command = encodeCommand(['ECHO', 'halves'])
    for (const byte of command.subarray(0, 20)) {
      socket.write(Buffer.from([byte]))
      await sleep(1)
    }
    expect(await (await client('authenticated')).ping()).toBe('PONG')
    socket.write(command.subarray(20))
    await until(() => said() === '$6\r\nhalves\r\n')
    socket.destroy()
  })

  it('ends a blocked command at once when Redis goes, says that it is away, and works again with the next one', async () => {
    const one = await client('authenticated')
    const blocked = one.blpop('never', 0).catch((error: Error) => error)
    await sleep(100)
    const began = Date.now()
    await server.stop()
    expect(await blocked).toBeInstanceOf(Error)
    expect(Date.now() - began).toBeLessThan(5_000)
    const { said, closed } = await raw(await tunnel('authenticated'))
    await closed
    expect(said()).toBe('-ERR Teleport: failed to connect to the target database\r\n')
    await server.start()
    expect(await (await client('authenticated')).get('shop:name')).toBe('Portico')
  })

  it('ends a blocked command at once when its agent dies', async () => {
    await lab.running.tokens.add({ secret: TOKEN, roles: ['db'] })
    const far = { ...sharedDatabase(lab, 'far'), dbProtocol: 'redis', uri: `127.0.0.1:${server.port()}` }
    const agent = await agentOf(lab, [far])
    const open = await openLabTunnel(lab, { name: 'far', protocol: 'redis', databaseUser: 'alice', mode: 'authenticated' })
    const one = await client(open)
    const blocked = one.blpop('never', 0).catch((error: Error) => error)
    await sleep(100)
    const began = Date.now()
    await agent.close()
    expect(await blocked).toBeInstanceOf(Error)
    expect(Date.now() - began).toBeLessThan(5_000)
    const { socket, said, closed } = await raw(open)
    socket.write('*1\r\n$4\r\nPING\r\n')
    await closed
    expect(said()).toBe('')
    await open.close()
  })
})
