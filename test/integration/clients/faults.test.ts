import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeStartup } from '../../../electron/wire/postgres.ts'
import { POSTGRES_BIN } from './postgres.ts'
import { openWorld, psql, type Tunnel, type World } from './world.ts'

describe.skipIf(POSTGRES_BIN === undefined)('a tunnel to a PostgreSQL of the system', () => {
  let world: World
  let shop: Tunnel

  beforeAll(async () => {
    world = await openWorld()
    shop = await world.tunnel('shop')
  }, 60_000)

  afterAll(async () => {
    await shop.end()
    await world.close()
  }, 30_000)

  // Whatever was done to it, the next client is served.
  afterEach(async () => {
    expect(await psql(shop, 'select 1')).toEqual({ code: 0, out: '1\n', err: '' })
  })

  const raw = (): Socket => connect(shop.open.address.port, '127.0.0.1').on('error', () => {})
  const closed = (socket: Socket): Promise<unknown> => new Promise(resolve => socket.once('close', resolve).resume())
  const failures = (): any[] => shop.staying.lines.filter(line => line.event === 'connection' && line.state === 'failed')
  const failure = (from: number): Promise<any> =>
    shop.staying.line(line => line.event === 'connection' && line.state === 'failed' && failures().indexOf(line) >= from)
  const client = (): pg.Client => new pg.Client({ connectionString: shop.open.url, connectionTimeoutMillis: 20_000 })

  it('waits for the other half of a startup packet, and serves others meanwhile', async () => {
    const startup = encodeStartup({ user: 'alice', database: 'shop' })
    const socket = raw()
    socket.write(startup.subarray(0, startup.length / 2))
    await sleep(700)
    expect(await psql(shop, 'select 2')).toMatchObject({ out: '2\n' })
    const answered = new Promise(resolve => socket.once('data', (data: Buffer) => resolve(String.fromCharCode(data[0]!))))
    socket.write(startup.subarray(startup.length / 2))
    expect(await answered).toBe('R')
    socket.destroy()
  })

  it('tells a browser apart from a database client', async () => {
    const before = failures().length
    const socket = raw()
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await closed(socket)
    expect(await failure(before)).toMatchObject({
      bytesIn: 0,
      error: { code: 'tunnel/wrong-protocol', message: expect.stringContaining('HTTP') },
    })
  })

  it('tells rubbish apart, and lets silence be', async () => {
    const before = failures().length
    const silent = raw()
    const socket = raw()
    socket.write(Buffer.alloc(200_000, 0xa5))
    await closed(socket)
    expect(await failure(before)).toMatchObject({ bytesOut: 0, error: { code: 'tunnel/wrong-protocol' } })
    expect(silent.destroyed).toBe(false)
    silent.destroy()
  })

  it('tells a client that begins with TLS apart too', async () => {
    const before = failures().length
    const socket = connectTls({ port: shop.open.address.port, host: '127.0.0.1', rejectUnauthorized: false }).on('error', () => {})
    await closed(socket)
    expect(await failure(before)).toMatchObject({ error: { code: 'tunnel/wrong-protocol', message: expect.stringContaining('TLS') } })
  })

  it('goes to no proxy whose authority is another than the one that was named', async () => {
    const file = join(world.portico.home, 'other-ca.pem')
    writeFileSync(file, world.postgres.serverCa)
    const other = await world.tunnel('shop', '--ca-file', file)
    expect(await psql(other, 'select 1')).toMatchObject({ code: 2 })
    const { error } = await other.staying.line(line => line.event === 'connection' && line.state === 'failed')
    expect(error).toMatchObject({ code: 'proxy/untrusted' })
    await other.end()
    expect((await world.portico.run(['db', 'ls', '--ca-file', '/nowhere', '--json'])).code).toBe(2)
  })

  it('is not disturbed by clients that reset before the other side is open', async () => {
    const startup = encodeStartup({ user: 'alice', database: 'shop' })
    await Promise.all(
      Array.from({ length: 50 }, async (_, number) => {
        const socket = raw()
        await new Promise(resolve => socket.once('connect', resolve))
        if (number % 2 === 0) socket.write(startup)
        socket.resetAndDestroy()
      }),
    )
  })

  it('opens 300 connections at once, and each of them works', async () => {
    const clients = Array.from({ length: 300 }, client)
    await Promise.all(clients.map(one => one.connect()))
    const rows = await Promise.all(
      clients.map(async (one, number) => (await one.query('select $1::int as number', [number])).rows[0].number),
    )
    expect(rows).toEqual(clients.map((_, number) => number))
    await Promise.all(clients.map(one => one.end()))
  })

  it('ends connections at once when the database goes, and serves the next ones when it is back', async () => {
    const one = client()
    await one.connect()
    const ended = new Promise(resolve => one.once('error', resolve))
    const slept = one.query('select pg_sleep(60)').catch((thrown: unknown) => thrown)
    await sleep(200)
    const began = Date.now()
    await world.postgres.stop('fast')
    expect(await slept).toMatchObject({ code: '57P01' })
    await ended
    expect(Date.now() - began).toBeLessThan(3_000)
    expect(await psql(shop, 'select 1')).toMatchObject({ code: 2, err: expect.stringContaining('refused') })
    await world.postgres.start()
  })

  it('ends connections at once when the database crashes', async () => {
    const one = client()
    await one.connect()
    const ended = new Promise(resolve => one.once('error', resolve))
    await world.postgres.stop('immediate')
    await ended
    await world.postgres.start()
  })

  it('keeps its port when the cluster is killed, and works again when it is back', async () => {
    const one = client()
    await one.connect()
    const ended = new Promise(resolve => one.once('error', resolve))
    const before = failures().length
    const began = Date.now()
    await world.killCluster()
    await ended
    expect(Date.now() - began).toBeLessThan(3_000)
    expect(await psql(shop, 'select 1')).toMatchObject({ code: 2 })
    expect(await failure(before)).toMatchObject({ error: { code: 'proxy/unreachable' } })
    await world.startCluster()
  })
})
