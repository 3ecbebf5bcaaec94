import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, hasMariadb, mariadb, openMysqlWorld, type MysqlWorld } from './mysql-world.ts'
import type { Tunnel } from './world.ts'

describe.skipIf(!hasMariadb)('MySQL clients through a tunnel to a MariaDB of the system', () => {
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

  it('mariadb reads rows as the account of the certificate', async () => {
    expect(await mariadb(shop, 'select current_user(), database(), 6 * 7')).toEqual({
      code: 0,
      out: 'alice@127.0.0.1\tshop\t42\n',
      err: '',
    })
  })

  it('mysql2 shows the version of the database itself', async () => {
    const one = await connect(shop)
    const [rows] = await one.query('select version() as version')
    expect(rows).toEqual([{ version: expect.stringContaining('MariaDB') }])
    await one.end()
  })
})
