import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { POSTGRES_BIN } from './postgres.ts'
import { eventually, openWorld, run, type Tunnel, type World } from './world.ts'

const JDBC = '/usr/share/java/postgresql.jar'
const hasJdbc = existsSync(JDBC) && spawnSync('javac', ['-version']).status === 0

/** What a tool such as DBeaver does: metadata, batches, server-side statements with portals, a cancel from another thread. */
const SMOKE = `
import java.sql.*;
public class Smoke {
  public static void main(String[] args) throws Exception {
    try (Connection c = DriverManager.getConnection(args[0] + "&sslmode=disable")) {
      System.out.println(c.getMetaData().getDatabaseProductName());
      try (Statement s = c.createStatement()) { s.execute("create temp table smoke (id int, note text)"); }
      c.setAutoCommit(false);
      try (PreparedStatement p = c.prepareStatement("insert into smoke values (?, ?)")) {
        for (int i = 0; i < 1000; i++) { p.setInt(1, i); p.setString(2, "n" + i); p.addBatch(); }
        p.executeBatch();
      }
      c.commit();
      long sum = 0;
      try (PreparedStatement p = c.prepareStatement("select id from smoke where id >= ?")) {
        p.setFetchSize(50);
        for (int i = 0; i < 8; i++) { p.setInt(1, 0); try (ResultSet r = p.executeQuery()) { while (r.next()) sum += r.getInt(1); } }
      }
      System.out.println(sum);
      try (Statement s = c.createStatement()) {
        new Thread(() -> { try { Thread.sleep(500); s.cancel(); } catch (Exception e) { e.printStackTrace(); } }).start();
        s.execute("select pg_sleep(20)");
        System.out.println("not cancelled");
      } catch (SQLException e) { System.out.println(e.getSQLState()); }
    }
  }
}
`

describe.skipIf(POSTGRES_BIN === undefined)('drivers through a tunnel to a PostgreSQL of the system', () => {
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

  const client = async (): Promise<pg.Client> => {
    const one = new pg.Client({ connectionString: shop.open.url })
    await one.connect()
    return one
  }

  it('pg: a pool of 20 runs prepared statements', async () => {
    const pool = new pg.Pool({ connectionString: shop.open.url, max: 20 })
    const ask = async (id: number): Promise<string> =>
      (await pool.query({ name: 'twice', text: 'select $1::int * 2 as twice, pg_backend_pid() as pid', values: [id] })).rows[0].twice
    expect(await Promise.all(Array.from({ length: 400 }, (_, id) => ask(id)))).toEqual(Array.from({ length: 400 }, (_, id) => id * 2))
    expect(pool.totalCount).toBe(20)
    await pool.end()
  })

  it('pg: what one connection notifies, another hears', async () => {
    const [listener, speaker] = [await client(), await client()]
    const heard = new Promise(resolve => listener.once('notification', ({ channel, payload }) => resolve([channel, payload])))
    await listener.query('listen news')
    await speaker.query(`notify news, 'é 1'`)
    expect(await heard).toEqual(['news', 'é 1'])
    await Promise.all([listener.end(), speaker.end()])
  })

  it('pg: errors come with their fields, and the connection goes on', async () => {
    const one = await client()
    await one.query('create temp table once (id int primary key)')
    await one.query('insert into once values (1)')
    await expect(one.query('insert into once values (1)')).rejects.toMatchObject({
      severity: 'ERROR',
      code: '23505',
      table: 'once',
      constraint: 'once_pkey',
      detail: 'Key (id)=(1) already exists.',
    })
    expect((await one.query('select count(*)::int as count from once')).rows).toEqual([{ count: 1 }])
    await one.end()
  })

  it('pg: a query is cancelled by a request of its own connection', async () => {
    const one = await client()
    const { processID, secretKey } = one as unknown as { processID: number; secretKey: number }
    const slept = one.query('select pg_sleep(60)').catch((thrown: unknown) => thrown)
    const running = `select count(*) from pg_stat_activity where pid = ${processID} and state = 'active'`
    await eventually(() => world.postgres.sql(running) === '1')
    const { Connection } = pg as unknown as { Connection: new () => any }
    const request = new Connection()
    request.on('connect', () => request.cancel(processID, secretKey))
    request.on('error', () => {})
    request.connect(shop.open.address.port, '127.0.0.1')
    expect(await slept).toMatchObject({ code: '57014' })
    await one.end()
  })

  // Needs `libpostgresql-jdbc-java` and a JDK.
  it.runIf(hasJdbc)('JDBC: metadata, a batch, portals, a cancel', async () => {
    const folder = world.portico.home
    writeFileSync(join(folder, 'Smoke.java'), SMOKE)
    const ran = await run('/usr/bin/java', ['-cp', JDBC, join(folder, 'Smoke.java'), shop.open.jdbc])
    expect(ran).toMatchObject({ code: 0, out: `PostgreSQL\n${(999 * 1000 * 8) / 2}\n57014\n` })
  })
})
