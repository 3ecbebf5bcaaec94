import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Connection, ConnectionOptions } from 'mysql2/promise'
import { createPool } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, connectDirectly, hasMariadb, mariadb, openMysqlWorld, portOf, type MysqlWorld } from './mysql-world.ts'
import { eventually, run, type Tunnel } from './world.ts'

const has = (program: string): boolean => spawnSync('which', [program]).status === 0
const JDBC = '/usr/share/java/mariadb-java-client.jar'
const hasJdbc = spawnSync('test', ['-e', JDBC]).status === 0 && has('javac')

/** What a tool such as DBeaver does: metadata, batches, server-side statements, a cancel from another thread. */
const SMOKE = `
import java.sql.*;
public class MariaSmoke {
  public static void main(String[] args) throws Exception {
    try (Connection c = DriverManager.getConnection(args[0])) {
      System.out.println(c.getMetaData().getDatabaseProductName());
      try (Statement s = c.createStatement()) { s.execute("create temporary table smoke (id int, note text)"); }
      c.setAutoCommit(false);
      try (PreparedStatement p = c.prepareStatement("insert into smoke values (?, ?)")) {
        for (int i = 0; i < 1000; i++) { p.setInt(1, i); p.setString(2, "n" + i); p.addBatch(); }
        p.executeBatch();
      }
      c.commit();
      long sum = 0;
      try (PreparedStatement p = c.prepareStatement("select id from smoke where id >= ?")) {
        p.setInt(1, 0);
        try (ResultSet r = p.executeQuery()) { while (r.next()) sum += r.getInt(1); }
      }
      System.out.println(sum);
      try (Statement s = c.createStatement()) {
        new Thread(() -> { try { Thread.sleep(500); s.cancel(); } catch (Exception e) { e.printStackTrace(); } }).start();
        s.execute("select sum(a.seq) from seq_1_to_1000000 a join seq_1_to_1000000 b");
        System.out.println("not cancelled");
      } catch (SQLException e) { System.out.println(e.getErrorCode()); }
    }
  }
}
`

describe.skipIf(!hasMariadb)('MySQL clients through a tunnel to a MariaDB of the system', () => {
  let world: MysqlWorld
  let shop: Tunnel
  let passthrough: Tunnel

  beforeAll(async () => {
    world = await openMysqlWorld()
    shop = await world.tunnel('shop')
    passthrough = await world.tunnel('shop', '--passthrough')
  }, 60_000)

  afterAll(async () => {
    await Promise.all([shop?.end(), passthrough?.end()])
    await world?.close()
  }, 30_000)

  /** As `db login` and a passthrough tunnel name them. */
  const files = async (): Promise<{ ca: string; cert: string; key: string }> => {
    const { url, command } = passthrough.open
    const named = await world.portico.run(['db', 'login', 'shop', '--json'])
    expect({ code: named.code, url, command }).toMatchObject({ code: 0 })
    const { files: found, ...rest } = named.json()
    return found ?? rest
  }
  const tlsOptions = async (): Promise<ConnectionOptions> => {
    const { ca, cert, key } = await files()
    return { ssl: { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key), servername: 'localhost' } } as ConnectionOptions
  }

  describe('mariadb', () => {
    it('reads rows as the account of the certificate', async () => {
      expect(await mariadb(shop, 'select current_user(), database(), 6 * 7')).toEqual({
        code: 0,
        out: 'alice@127.0.0.1\tshop\t42\n',
        err: '',
      })
    })

    it('brings its own TLS and certificate in passthrough mode', async () => {
      const { ca, cert, key } = await files()
      const flags = [`--ssl-ca=${ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`, '--ssl-verify-server-cert', '--host=localhost']
      expect(await mariadb(passthrough, 'select current_user(), 1', ...flags)).toEqual({ code: 0, out: 'alice@127.0.0.1\t1\n', err: '' })
      expect(await mariadb(passthrough, 'select 1', '--skip-ssl')).toMatchObject({
        code: 1,
        err: expect.stringContaining('cluster "" is not found'),
      })
    })

    it('is told what the roles and what the database refuse', async () => {
      const refused = async (...flags: string[]): Promise<string> => {
        const { code, err } = await mariadb(shop, 'select 1', ...flags)
        expect(code).toBe(1)
        return err
      }
      expect(await refused('--user=bob')).toContain('ERROR 1105 (HY000): access to db denied. User does not have permissions.')
      expect(await refused('--user=nosuch')).toContain("ERROR 1105 (HY000): ERROR 1045 (28000): Access denied for user 'nosuch'")
      expect(await refused('--user=locked')).toContain("ERROR 1105 (HY000): ERROR 1045 (28000): Access denied for user 'locked'")
      expect(await refused('--password=wrong')).toContain('access denied without password')
      expect((await mariadb(shop, 'select 1', '--database=nosuch')).err).toContain('ERROR 1044 (42000): Access denied for user')
      expect(await mariadb(shop, 'use other')).toMatchObject({ code: 1, err: expect.stringContaining('ERROR 1044 (42000)') })
      expect(await mariadb(shop, 'select nothing')).toMatchObject({ code: 1, err: expect.stringContaining('ERROR 1054 (42S22)') })
    })

    it('loads a local file of megabytes and reads it back, unchanged', async () => {
      const [source, target] = [join(world.portico.home, 'in.tsv'), join(world.portico.home, 'out.tsv')]
      const line = (id: number): string => `${id}\t${createHash('sha256').update(String(id)).digest('hex')}\té 😀 ${'x'.repeat(id % 50)}`
      writeFileSync(source, Array.from({ length: 60_000 }, (_, id) => `${line(id)}\n`).join(''))
      const load = `create table parts (id int primary key, digest char(64), note text) character set utf8mb4;
load data local infile '${source}' into table parts character set utf8mb4;`
      expect(await mariadb(shop, load, '--local-infile=1')).toEqual({ code: 0, out: '', err: '' })
      const { code, out } = await mariadb(shop, 'select * from parts order by id', '--quick', '--default-character-set=utf8mb4')
      writeFileSync(target, out)
      expect(code).toBe(0)
      expect(out.length).toBeGreaterThan(5_000_000)
      expect(readFileSync(target).equals(readFileSync(source))).toBe(true)
    })

    it('ends a query with Ctrl-C, by the number of the greeting', async () => {
      const args = ['--no-defaults', '--protocol=TCP', '-h127.0.0.1', `-P${portOf(shop)}`, '-ualice', 'shop', '-e', 'select sleep(61)']
      const child = spawn('mariadb', args, { stdio: ['ignore', 'pipe', 'pipe'] })
      let said = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', part => (said += String(part)))
      const running = `select count(*) from information_schema.processlist where info like '%sleep(61)%' and user = 'alice'`
      await eventually(() => world.backend.sql(running) === '1')
      const closed = new Promise(resolve => child.once('close', resolve))
      child.kill('SIGINT')
      await closed
      await eventually(() => world.backend.sql(running) === '0', 3_000)
      expect(said).toMatch(/Query execution was interrupted|1\n/)
    })
  })

  it.runIf(has('mysqldump'))('mysqldump into mariadb copies a table, the same as past the cluster', async () => {
    const dump = (port: number, user: string, ...more: string[]): Promise<{ code: number; out: string; err: string }> =>
      run('/usr/bin/mysqldump', [
        '--no-defaults',
        '--protocol=TCP',
        '--host=127.0.0.1',
        `--port=${port}`,
        `--user=${user}`,
        ...more,
        '--skip-comments',
        '--no-tablespaces',
        '--default-character-set=utf8mb4',
        'shop',
        'parts',
      ])
    const [through, directly] = [await dump(portOf(shop), 'alice'), await dump(world.backend.port, 'direct', '--password=direct')]
    expect(through).toMatchObject({ code: 0, err: '' })
    expect(through.out).toBe(directly.out)
    expect(through.out.length).toBeGreaterThan(5_000_000)
    const input = through.out.replaceAll('`parts`', '`parts2`')
    const args = [
      '--no-defaults',
      '--protocol=TCP',
      '-h127.0.0.1',
      `-P${portOf(shop)}`,
      '-ualice',
      '--default-character-set=utf8mb4',
      'shop',
    ]
    expect(await run('/usr/bin/mariadb', args, {}, input)).toMatchObject({ code: 0, err: '' })
    const sum = world.backend.sql('checksum table shop.parts, shop.parts2').split(/\s+/)
    expect(sum[1]).toBe(sum[3])
  })

  it.runIf(has('mycli'))('mycli runs a query, inside TLS of its own too', async () => {
    const { ca, cert, key } = await files()
    for (const flags of [
      ['-h127.0.0.1', `-P${portOf(shop)}`],
      ['-hlocalhost', `-P${portOf(passthrough)}`, `--ssl-ca=${ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`],
    ]) {
      const args = [...flags, '-ualice', '-Dshop', '--csv', '-e', "select 'é' as a, 7 as b"]
      const ran = await run('/usr/bin/mycli', args, { HOME: world.portico.home, LC_ALL: 'C.UTF-8' })
      expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/"?é"?,"?7"?/) })
    }
  })

  it.runIf(has('mysqldump'))('mysqldump goes inside TLS of its own, the same as without', async () => {
    const { ca, cert, key } = await files()
    const tls = [`--ssl-ca=${ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`, '--ssl-verify-server-cert']
    const dump = (...flags: readonly string[]) =>
      run('/usr/bin/mysqldump', ['--no-defaults', '--protocol=TCP', ...flags, '-ualice', '--skip-comments', '--no-tablespaces', 'shop'])
    const inside = await dump('-hlocalhost', `-P${portOf(passthrough)}`, ...tls)
    expect(inside).toMatchObject({ code: 0, err: '' })
    expect(inside.out).toBe((await dump('-h127.0.0.1', `-P${portOf(shop)}`)).out)
  })

  describe('mysql2', () => {
    it('gets the same answers as past the cluster', async () => {
      const statements = [
        'select 1 as one, null as nothing, 1.5 as half, now() > 0 as then_, "é 😀" as text',
        'select repeat("a", 70000) as long_',
        'show variables like "character_set_c%"',
        'select @@collation_connection as c, @@autocommit as a',
        'create temporary table t (id int auto_increment primary key, v int)',
        'insert into t (v) values (1), (2), (3)',
        'update t set v = 2 where id < 3',
        'select * from t order by id',
        'select nothing',
        'call no_such_procedure()',
      ]
      const answers = async (one: Connection): Promise<unknown[]> => {
        const all: unknown[] = []
        for (const text of statements) {
          const answer = await one
            .query(text)
            .catch((thrown: Error & { errno: number; sqlState: string }) => [
              { failed: [thrown.message.replace(/'(alice|direct)'/g, 'X'), thrown.errno, thrown.sqlState] },
            ])
          // Without session tracking, which the proxy does not offer, mysql2 reads MariaDB's length before this text as a part of it.
          all.push(JSON.parse(JSON.stringify(answer[0], (key, value) => (key === 'info' ? value.replace(/^\W/, '') : value))))
        }
        await one.end()
        return all
      }
      const [through, directly] = [await answers(await connect(shop)), await answers(await connectDirectly(world))]
      expect(through).toEqual(directly)
    })

    it('shows the version of the database in its greeting, in both modes', async () => {
      const version = world.backend.sql('select version()')
      const greeted = (tunnel: Tunnel, tls: ConnectionOptions): Promise<string> =>
        connect(tunnel, tls).then(async one => {
          const { connection } = one as unknown as { connection: { _handshakePacket: { serverVersion: string } } }
          await one.end()
          return connection._handshakePacket.serverVersion
        })
      expect(await greeted(shop, {})).toContain(version)
      expect(await greeted(passthrough, await tlsOptions())).toContain(version)
    })

    it('runs prepared statements in a pool, inside TLS of its own too', async () => {
      for (const [tunnel, tls] of [
        [shop, {}],
        [passthrough, await tlsOptions()],
      ] as const) {
        const pool = createPool({ host: '127.0.0.1', port: portOf(tunnel), user: 'alice', database: 'shop', connectionLimit: 10, ...tls })
        const ask = async (id: number): Promise<unknown> => {
          const [rows] = await pool.execute('select cast(? as signed) * 2 as twice', [id])
          return (rows as { twice: number }[])[0]!.twice
        }
        expect(await Promise.all(Array.from({ length: 200 }, (_, id) => ask(id)))).toEqual(Array.from({ length: 200 }, (_, id) => id * 2))
        await pool.end()
      }
    })

    it('moves rows of 40 MB both ways', async () => {
      const one = await connect(shop)
      const text = 'é'.repeat(20_000_000)
      const [rows] = await one.query('select ? as text, length(?) as bytes', [text, 'x'])
      expect((rows as { text: string }[])[0]!.text === text).toBe(true)
      await one.query('select 1')
      await one.end()
    })

    it('kills a query on a second connection, by the number of the greeting and by the database’s own', async () => {
      const [one, other] = [await connect(shop), await connect(shop)]
      const [own] = await one.query('select connection_id() as id')
      for (const id of [one.threadId, (own as { id: number }[])[0]!.id]) {
        const slept = one.query('select sum(a.seq) from seq_1_to_1000000 a join seq_1_to_1000000 b').catch((thrown: unknown) => thrown)
        await eventually(
          () => world.backend.sql(`select count(*) from information_schema.processlist where info like 'select sum(a.seq)%'`) === '1',
        )
        await other.query(`KILL QUERY ${id}`)
        expect(await slept).toMatchObject({ errno: 1317, sqlState: '70100' })
      }
      expect((await one.query('select 5 as five'))[0]).toEqual([{ five: 5 }])
      await expect(other.query('kill query 4294967290')).rejects.toMatchObject({ errno: 1094 })
      await Promise.all([one.end(), other.end()])
    })

    it('cannot become somebody else in the middle of a session', async () => {
      const one = await connect(shop)
      await expect(one.changeUser({ user: 'bob' })).rejects.toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' })
      one.destroy()
    })

    it('finds rows or changed rows as it asked for, and runs several statements only when it did', async () => {
      const [found, changed] = [await connect(shop), await connect(shop, { flags: ['-FOUND_ROWS'], multipleStatements: true })]
      const affected = async (one: Connection): Promise<number> => {
        await one.query('create temporary table t (v int)')
        await one.query('insert into t values (1)')
        const [{ affectedRows }] = (await one.query('update t set v = 1')) as unknown as [{ affectedRows: number }]
        return affectedRows
      }
      expect([await affected(found), await affected(changed)]).toEqual([1, 0])
      await expect(found.query('select 1; select 2')).rejects.toMatchObject({ errno: 1064 })
      expect((await changed.query('select 1 as a; select 2 as b'))[0]).toEqual([[{ a: 1 }], [{ b: 2 }]])
      await Promise.all([found.end(), changed.end()])
    })

    // Opened in waves: what is asked is that all are there at once, not that a busy machine shakes 1 500 hands within its deadlines.
    it.each(['authenticated', 'passthrough'] as const)(
      '%s: holds 500 connections, and each of them works',
      async mode => {
        const all: Connection[] = []
        const [tunnel, more] = mode === 'authenticated' ? [shop, {}] : [passthrough, await tlsOptions()]
        while (all.length < 500) all.push(...(await Promise.all(Array.from({ length: 100 }, () => connect(tunnel, more)))))
        const rows = await Promise.all(all.map((one, number) => one.query('select ? as number', [number])))
        expect(rows.map(([row]) => (row as { number: number }[])[0]!.number)).toEqual(all.map((_, number) => number))
        await Promise.all(all.map(one => one.end()))
      },
      60_000,
    )
  })

  it('a reader that is slow gets a large result whole', async () => {
    const args = ['--no-defaults', '--protocol=TCP', '-h127.0.0.1', `-P${portOf(shop)}`, '-ualice', '-N', '-B', '--quick', 'shop', '-e']
    const child = spawn('mariadb', [...args, "select seq, repeat('x', 200) from seq_1_to_100000"], { stdio: ['ignore', 'pipe', 'inherit'] })
    let rows = 0
    for await (const _line of createInterface({ input: child.stdout }))
      if (++rows % 20_000 === 0) await new Promise(go => setTimeout(go, 50))
    expect(rows).toBe(100_000)
  })

  it.runIf(hasJdbc)(
    'JDBC: metadata, a batch, a prepared statement, a cancel',
    async () => {
      const folder = world.portico.home
      writeFileSync(join(folder, 'MariaSmoke.java'), SMOKE)
      const url = `jdbc:mariadb://127.0.0.1:${portOf(shop)}/shop?user=alice`
      const ran = await run('/usr/bin/java', ['-cp', JDBC, join(folder, 'MariaSmoke.java'), url])
      expect(ran).toMatchObject({ code: 0, out: `MariaDB\n${(999 * 1000) / 2}\n1317\n` })
    },
    60_000,
  )
})
