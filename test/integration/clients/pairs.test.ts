import { once } from 'node:events'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findProgram } from '../../../electron/cluster/lab/find-program.ts'
import { POSTGRES_BIN } from './postgres.ts'
import { openWorld, run, type Tunnel, type World } from './world.ts'

const pgcli = findProgram('pgcli')

/** What README.md's table asks of each mode alike, and no other file holds. */
describe.skipIf(POSTGRES_BIN === undefined)('PostgreSQL, both modes', () => {
  let world: World
  const tunnels = new Map<string, Tunnel>()

  beforeAll(async () => {
    world = await openWorld()
    for (const database of ['shop', 'copy']) {
      tunnels.set(`${database} authenticated`, await world.tunnel(database))
      tunnels.set(`${database} passthrough`, await world.tunnel(database, '--passthrough'))
    }
  }, 90_000)
  afterAll(async () => {
    for (const tunnel of tunnels.values()) await tunnel.end()
    await world?.close()
  }, 30_000)

  describe.each(['authenticated', 'passthrough'] as const)('%s', mode => {
    const url = (database = 'shop'): string => tunnels.get(`${database} ${mode}`)!.open.url
    const client = async (): Promise<pg.Client> => {
      const one = new pg.Client({ connectionString: url(), connectionTimeoutMillis: 30_000 })
      one.on('error', () => {})
      await one.connect()
      return one
    }

    it.skipIf(pgcli === undefined)('pgcli runs a query', async () => {
      const env = { HOME: world.portico.home, LC_ALL: 'C.UTF-8', PAGER: 'cat' }
      const ran = await run(pgcli!, ['--less-chatty', '--warn', 'off', url()], env, "select 'é' as a, 40 + 2 as b;\n")
      expect(ran.out + ran.err).toMatch(/é\s*\|\s*42/)
    })

    it('pg runs prepared statements and hears what is notified', async () => {
      const [listener, speaker] = [await client(), await client()]
      const asked = { name: 'twice', text: 'select $1::int * 2 as twice', values: [21] }
      expect((await speaker.query(asked)).rows).toEqual([{ twice: 42 }])
      await listener.query('listen news')
      const heard = once(listener, 'notification')
      await speaker.query(`notify news, 'é 1'`)
      expect((await heard)[0]).toMatchObject({ channel: 'news', payload: 'é 1' })
      await Promise.all([listener.end(), speaker.end()])
    })

    it('pg holds 500 connections, and each of them works', async () => {
      const all: pg.Client[] = []
      while (all.length < 500) all.push(...(await Promise.all(Array.from({ length: 50 }, client))))
      const rows = await Promise.all(all.map(async (one, number) => (await one.query('select $1::int as number', [number])).rows[0].number))
      expect(rows).toEqual(all.map((_, number) => number))
      await Promise.all(all.map(one => one.end()))
    }, 90_000)

    it('pg_dump makes an archive that pg_restore takes', async () => {
      const [table, file] = [`goods_${mode}`, join(world.portico.home, `${mode}.dump`)]
      const ask = (database: string, text: string) => run('psql', ['-XAtqc', text, url(database)])
      const made = await ask('shop', `create table ${table} as select id, md5(id::text) as note from generate_series(1, 20000) id`)
      expect(made).toMatchObject({ code: 0, err: '' })
      expect(await run('pg_dump', ['-Fc', '-t', table, '-f', file, url()])).toMatchObject({ code: 0, err: '' })
      expect(await run('pg_restore', ['--no-owner', '-d', url('copy'), file])).toMatchObject({ code: 0, err: '' })
      const sum = `select count(*), md5(string_agg(note, '' order by id)) from ${table}`
      const [from, to] = [await ask('shop', sum), await ask('copy', sum)]
      expect(from.out).toMatch(/^20000\|/)
      expect(to).toEqual(from)
    })
  })
})
