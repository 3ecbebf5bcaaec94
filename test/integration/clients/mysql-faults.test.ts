import { connect as connectTcp, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodePacket } from '../../../electron/wire/mysql.ts'
import { connect, hasMariadb, mariadb, openMysqlWorld, portOf, type MysqlWorld } from './mysql-world.ts'
import { eventually, type Tunnel } from './world.ts'

describe.skipIf(!hasMariadb)('a tunnel to a MariaDB of the system', () => {
  let world: MysqlWorld
  let shop: Tunnel

  beforeAll(async () => {
    world = await openMysqlWorld()
    shop = await world.tunnel('shop')
  }, 60_000)

  afterAll(async () => {
    await shop?.end()
    await world?.close()
  }, 30_000)

  // Whatever was done to it, the next client is served.
  afterEach(async () => {
    expect(await mariadb(shop, 'select 1')).toEqual({ code: 0, out: '1\n', err: '' })
  })

  const raw = (): Socket => connectTcp(portOf(shop), '127.0.0.1').on('error', () => {})
  /** What it hears until it is closed. */
  const heard = (socket: Socket): Promise<Buffer> =>
    new Promise(resolve => {
      const parts: Buffer[] = []
      socket.on('data', (part: Buffer) => parts.push(part)).once('close', () => resolve(Buffer.concat(parts)))
    })
  const greeting = (socket: Socket): Promise<Buffer> => new Promise(resolve => socket.once('data', resolve))
  const failures = (): any[] => shop.staying.lines.filter(line => line.event === 'connection' && line.state === 'failed')
  const failure = (from: number): Promise<any> =>
    shop.staying.line(line => line.event === 'connection' && line.state === 'failed' && failures().indexOf(line) >= from)

  it('tells a browser apart from a database client', async () => {
    const before = failures().length
    const socket = raw()
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(String(await heard(socket))).toMatch(/^HTTP\/1\.1 400 [\s\S]*MySQL/)
    expect(await failure(before)).toMatchObject({ error: { code: 'tunnel/wrong-protocol', message: expect.stringContaining('HTTP') } })
  })

  it('tells TLS at once and a Postgres client apart too', async () => {
    const before = failures().length
    const socket = connectTls({ port: portOf(shop), host: '127.0.0.1', rejectUnauthorized: false }).on('error', () => {})
    await heard(socket)
    expect(await failure(before)).toMatchObject({ error: { code: 'tunnel/wrong-protocol', message: expect.stringContaining('TLS') } })
    const other = raw()
    other.write(Buffer.from('0000000804d2162f', 'hex'))
    await heard(other)
    expect(await failure(before + 1)).toMatchObject({ error: { code: 'tunnel/wrong-protocol' } })
  })

  it('answers rubbish after its greeting in the protocol, and closes', async () => {
    const socket = raw()
    await greeting(socket)
    socket.write(encodePacket(1, Buffer.alloc(100, 0xa5)))
    expect(String(await heard(socket))).toContain('failed to handle MySQL client connection')
  })

  it('closes at a packet that is said to be of 16 MB where an answer is due', async () => {
    const socket = raw()
    await greeting(socket)
    socket.write(Buffer.from('ffffff01', 'hex'))
    const began = Date.now()
    expect(String(await heard(socket))).toContain('failed to handle MySQL client connection')
    expect(Date.now() - began).toBeLessThan(3_000)
  })

  it('lets a client go that stops within its answer, and serves others meanwhile', async () => {
    const socket = raw()
    await greeting(socket)
    socket.write(Buffer.from('5500000105a2', 'hex'))
    await sleep(500)
    expect(await mariadb(shop, 'select 2')).toMatchObject({ out: '2\n' })
    const began = Date.now()
    await heard(socket)
    expect(Date.now() - began).toBeLessThan(32_000)
  }, 40_000)

  it('takes a packet of more than the database allows as an error of the database', async () => {
    const one = await connect(shop)
    const answer = one.query(`select length('${'x'.repeat(300_000_000)}')`)
    await expect(answer).rejects.toMatchObject({
      code: expect.stringMatching(/ER_NET_PACKET_TOO_LARGE|PROTOCOL_CONNECTION_LOST|ECONNRESET|EPIPE/),
    })
    one.destroy()
  }, 60_000)

  it('is not disturbed by clients that reset before they are greeted', async () => {
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = raw()
        await new Promise(resolve => socket.once('connect', resolve))
        socket.resetAndDestroy()
      }),
    )
  })

  it.each(['orderly', 'kill'] as const)(
    'ends a query at once when the database goes (%s), and serves the next when it is back',
    async how => {
      const one = await connect(shop)
      const slept = one.query('select sleep(60)').catch((thrown: unknown) => thrown)
      await eventually(
        () => world.backend.sql(`select count(*) from information_schema.processlist where info like 'select sleep(60)'`) === '1',
      )
      const began = Date.now()
      await world.backend.stop(how)
      expect(await slept).toBeInstanceOf(Error)
      expect(Date.now() - began).toBeLessThan(5_000)
      one.destroy()
      expect(await mariadb(shop, 'select 1')).toMatchObject({ code: 1, err: expect.stringContaining('connection refused') })
      await world.backend.start()
    },
    30_000,
  )

  it('ends a transfer within seconds when the cluster and its agent are killed, and works again when they are back', async () => {
    const one = await connect(shop)
    const { connection } = one as any
    let rows = 0
    const ended = new Promise(resolve => {
      connection.once('error', resolve)
      const stream = connection.query(`select seq, repeat('x', 1000) from seq_1_to_100000000`)
      stream.on('result', () => rows++).once('error', resolve)
    })
    await eventually(() => rows > 1_000)
    const began = Date.now()
    await world.killCluster()
    await ended
    expect(Date.now() - began).toBeLessThan(5_000)
    one.destroy()
    await world.startCluster()
  }, 60_000)
})
