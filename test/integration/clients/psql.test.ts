import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { POSTGRES_BIN } from './postgres.ts'
import { eventually, openWorld, psql, run, type Tunnel, type World } from './world.ts'

// Debian's `postgresql` brings the server; without it there is nothing to prove here.
describe.skipIf(POSTGRES_BIN === undefined)('programs of PostgreSQL through a tunnel to a PostgreSQL of the system', () => {
  let world: World
  let shop: Tunnel
  let copy: Tunnel

  beforeAll(async () => {
    world = await openWorld()
    shop = await world.tunnel('shop')
    copy = await world.tunnel('copy')
  }, 60_000)

  afterAll(async () => {
    await Promise.all([shop.end(), copy.end()])
    await world.close()
  }, 30_000)

  it('psql reads rows as the account of the certificate', async () => {
    expect(await psql(shop, 'select current_user, current_database(), count(*) from generate_series(1, 1000)')).toEqual({
      code: 0,
      out: 'alice|shop|1000\n',
      err: '',
    })
    expect(await psql(shop, 'select nothing')).toMatchObject({ code: 1, err: expect.stringContaining('column "nothing" does not exist') })
  })

  it('psql is told what the roles and what the database refuse', async () => {
    const refused = await run('psql', ['-XAtqc', 'select 1'], { ...shop.env, PGUSER: 'postgres' })
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('access to db denied') })
    const unknown = await run('psql', ['-XAtqc', 'select 1'], { ...shop.env, PGDATABASE: 'nosuch' })
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining('database "nosuch" does not exist') })
  })

  it('psql goes over ::1 and over the socket too', async () => {
    const { open } = shop
    if (open.addresses.some((address: string) => address.startsWith('[::1]')))
      expect(await run('psql', ['-XAtqc', 'select 6'], { ...shop.env, PGHOST: '::1' })).toMatchObject({ code: 0, out: '6\n' })
    expect(statSync(open.socket).mode & 0o777).toBe(0o600)
    const args = ['-h', dirname(open.socket), '-p', String(open.address.port), '-U', 'alice', '-XAtqc', 'select 7', 'shop']
    expect(await run('psql', args)).toMatchObject({ code: 0, out: '7\n' })
  })

  it('\\copy moves megabytes in and out, unchanged', async () => {
    const [source, target] = [join(world.portico.home, 'in.tsv'), join(world.portico.home, 'out.tsv')]
    const line = (id: number): string => `${id}\t${createHash('sha256').update(String(id)).digest('hex')}\té ü ${'x'.repeat(id % 50)}`
    writeFileSync(source, Array.from({ length: 60_000 }, (_, id) => `${line(id)}\n`).join(''))
    const script = `create table parts (id int primary key, digest text, note text);
\\copy parts from '${source}'
\\copy (select * from parts order by id) to '${target}'
`
    expect(await run('psql', ['-Xq', '-v', 'ON_ERROR_STOP=1'], shop.env, script)).toMatchObject({ code: 0, err: '' })
    expect(statSync(target).size).toBeGreaterThan(5_000_000)
    expect(readFileSync(target).equals(readFileSync(source))).toBe(true)
  })

  it('pg_dump into psql copies one database into another', async () => {
    const pipe = spawn(
      'sh',
      [
        '-c',
        '"$1/pg_dump" --no-owner -t parts | PGPORT=$2 PGDATABASE=copy "$1/psql" -Xq -v ON_ERROR_STOP=1 -1',
        'sh',
        POSTGRES_BIN!,
        copy.env['PGPORT']!,
      ],
      {
        env: { ...process.env, ...shop.env },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    let err = ''
    pipe.stderr.on('data', part => (err += String(part)))
    expect([await new Promise(resolve => pipe.once('close', resolve)), err]).toEqual([0, ''])
    const sum = `select count(*), md5(string_agg(p::text, '' order by id)) from parts p`
    const [from, to] = [await psql(shop, sum), await psql(copy, sum)]
    expect(from).toMatchObject({ code: 0, out: expect.stringMatching(/^60000\|[0-9a-f]{32}\n$/) })
    expect(to.out).toBe(from.out)
  })

  it('a reader that is slow gets a large result whole', async () => {
    const text = `copy (select i, repeat('x', 200) from generate_series(1, 100000) i) to stdout`
    const child = spawn(join(POSTGRES_BIN!, 'psql'), ['-XAtqc', text], { env: { ...process.env, ...shop.env } })
    let [rows, reads] = [0, 0]
    for await (const part of child.stdout as AsyncIterable<Buffer>) {
      for (const byte of part) if (byte === 10) rows++
      if (++reads % 40 === 0) await sleep(20)
    }
    expect(rows).toBe(100_000)
  })

  describe('pgbench', () => {
    const bench = async (...args: string[]): Promise<{ done: number; failed: number }> => {
      const { code, out, err } = await run('pgbench', ['-n', ...args], shop.env)
      expect({ code, err: err.replace(/^pgbench.*\n/gm, '') }).toEqual({ code: 0, err: '' })
      const number = (pattern: RegExp): number => Number(pattern.exec(out)?.[1])
      return { done: number(/actually processed: (\d+)/), failed: number(/failed transactions: (\d+)/) }
    }

    it('fills its tables', async () => {
      expect(await run('pgbench', ['-i', '-s', '2', '-q'], shop.env)).toMatchObject({ code: 0 })
    })

    it.each([
      [1, 200],
      [10, 40],
      [50, 20],
    ])('does all transactions of %i clients', async (clients, each) => {
      const size = ['-c', String(clients), '-j', '1', '-t', String(each)]
      expect(await bench(...size)).toEqual({ done: clients * each, failed: 0 })
      expect(await bench('-S', ...size)).toEqual({ done: clients * each, failed: 0 })
      expect(await bench('-S', '-M', 'prepared', ...size)).toEqual({ done: clients * each, failed: 0 })
    })

    it('does them with a connection for each transaction', async () => {
      expect(await bench('-S', '-C', '-c', '5', '-t', '10')).toEqual({ done: 50, failed: 0 })
    })
  })

  describe('Ctrl-C in psql', () => {
    const cancelled = async (env: Readonly<Record<string, string>>, target: string, mark: string): Promise<void> => {
      const child = spawn(join(POSTGRES_BIN!, 'psql'), ['-Xqc', `select pg_sleep(60) /* ${mark} */`, target], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let err = ''
      child.stderr.on('data', part => (err += String(part)))
      const running = (): string =>
        world.postgres.sql(`select count(*) from pg_stat_activity where query like '%pg_sleep%${mark}%' and pid <> pg_backend_pid()`)
      await eventually(() => running() === '1')
      const closed = new Promise(resolve => child.once('close', resolve))
      child.kill('SIGINT')
      await closed
      expect(err).toContain('canceling statement due to user request')
      await eventually(() => running() === '0', 3_000)
    }

    it('ends the query in authenticated mode', () => cancelled(shop.env, 'shop', 'first'))

    it('ends the query in passthrough mode', async () => {
      const tunnel = await world.tunnel('shop', '--passthrough')
      await cancelled({}, tunnel.open.url, 'second')
      await tunnel.end()
    })
  })
})
