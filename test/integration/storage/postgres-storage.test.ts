import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { openPostgresStorage } from '../../../electron/cluster/storage/postgres-storage.ts'
import type { Storage, StorageEvent } from '../../../electron/cluster/storage/storage.ts'
import { NO_LOG, type Log } from '../../../electron/log/log.ts'
import { makeCertificates } from '../../kit/certificates.ts'
import { describeStorage } from '../../unit/cluster/storage/compliance.ts'
import { expectNoLeaks } from '../../kit/no-leaks.ts'
import { eventually, openPostgres } from './postgres-under-test.ts'
import { openRoad } from './road.ts'

expectNoLeaks()
const certificates = await makeCertificates()
const folder = mkdtempSync(join(tmpdir(), 'portico-storage-'))
const server = await openPostgres({ keyPair: await certificates.server({ names: ['localhost'] }) })
afterAll(async () => {
  await server?.close()
  rmSync(folder, { recursive: true, force: true })
})
const described = server === undefined ? describe.skip : describe

if (server !== undefined) describeStorage('PostgreSQL', async now => openPostgresStorage(await server.database(), { now }))

described(server === undefined ? 'PostgreSQL (none is installed here)' : 'PostgreSQL', () => {
  const opened: Storage[] = []
  afterEach(() => Promise.all(opened.splice(0).map(storage => storage.close())))
  async function open(connString: string, log: Log = NO_LOG): Promise<Storage> {
    const storage = await openPostgresStorage(connString, { log })
    opened.push(storage)
    return storage
  }
  async function two(): Promise<{
    readonly a: Storage
    readonly b: Storage
    readonly connString: string
    readonly heard: StorageEvent[]
    readonly events: string[]
  }> {
    const connString = await server!.database()
    const events: string[] = []
    const log = { ...NO_LOG, info: (event: string) => events.push(event), warn: (event: string) => events.push(event) }
    const [a, b] = [await open(connString), await open(connString, log)]
    const heard: StorageEvent[] = []
    b.watch('', event => heard.push(event))
    return { a, b, connString, heard, events }
  }
  const summary = (events: readonly StorageEvent[]): readonly unknown[] =>
    events.map(event => (event.type === 'put' ? [event.item.key, event.item.value] : [event.key]))
  const cutFeeds = (connString: string): Promise<unknown> =>
    server!.query(
      connString,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    )

  test('shows each of two processes what the other one does, within a second', async () => {
    const { a, b, heard } = await two()
    const item = await a.put('k', { n: 1 })
    expect(await b.get('k')).toEqual(item)
    expect(await eventually(() => heard.length === 1)).toBeLessThan(1_000)
    expect(heard).toEqual([{ type: 'put', item }])
    await a.delete('k')
    expect(await eventually(() => heard.length === 2)).toBeLessThan(1_000)
    expect(heard[1]).toEqual({ type: 'delete', key: 'k' })
  })

  test('lets one of twenty writers in two processes win', async () => {
    const { a, b } = await two()
    const first = await a.put('k', 0)
    const swaps = await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? a : b).compareAndSwap('k', first.revision, at)))
    const won = swaps.filter(item => item !== undefined)
    expect(won).toHaveLength(1)
    expect(await b.get('k')).toEqual(won[0])
    const made = await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? a : b).compareAndSwap('new', undefined, at)))
    expect(made.filter(item => item !== undefined)).toHaveLength(1)
  })

  test('tells the last state of a key that two processes fight over', async () => {
    const { a, b, heard } = await two()
    await Promise.all(Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? a : b).put('k', at)))
    const last = await a.get('k')
    await eventually(() => heard.some(event => event.type === 'put' && event.item.revision === last!.revision))
    const revisions = heard.map(event => Number(event.type === 'put' ? event.item.revision : 0))
    expect(revisions).toEqual([...revisions].sort((x, y) => x - y))
  })

  test('loses no change while its listening connection is cut', async () => {
    const { a, connString, heard, events } = await two()
    await a.put('stays', 1)
    await a.put('goes', 1)
    await eventually(() => heard.length === 2)
    await cutFeeds(connString)
    await eventually(() => events.includes('storage.feed-lost'))
    // By hand, since both processes lost all their connections.
    await server!.query(
      connString,
      `insert into portico_items (key, value, revision) values ('new', '"in the gap"', nextval('portico_revision'))`,
    )
    await server!.query(connString, `delete from portico_items where key = 'goes'`)
    await eventually(() => events.includes('storage.feed-back') && heard.length === 4)
    expect(new Set(summary(heard.slice(2)))).toEqual(new Set([['new', 'in the gap'], ['goes']]))
    await a.put('stays', 2)
    await eventually(() => heard.length === 5)
    expect(summary(heard).at(-1)).toEqual(['stays', 2])
  })

  test('loses no change of many while its connections are cut again and again', async () => {
    const { a, b, connString, heard } = await two()
    let cuts = 0
    const cutter = (async () => {
      for (; cuts < 5; cuts++) {
        await new Promise(resolve => setTimeout(resolve, 150))
        await cutFeeds(connString)
      }
    })()
    for (let n = 0; cuts < 5; n++) {
      await a.put(`k/${n % 100}`, n).catch(() => undefined)
      if (n % 7 === 0) await a.delete(`k/${(n + 50) % 100}`).catch(() => undefined)
    }
    await cutter
    const toldState = (): Record<string, unknown> => {
      const state: Record<string, unknown> = {}
      for (const event of heard) {
        if (event.type === 'put') state[event.item.key] = event.item.value
        else delete state[event.key]
      }
      return state
    }
    await eventually(async () => {
      const there = Object.fromEntries((await b.list('')).map(({ key, value }) => [key, value]))
      const told = toldState()
      return JSON.stringify(Object.entries(told).sort()) === JSON.stringify(Object.entries(there).sort())
    }, 10_000)
  })

  test('comes back when the database was restarted', async () => {
    const { a, b, heard, events } = await two()
    await a.put('k', 1)
    await server!.stop()
    await expect(a.put('k', 2)).rejects.toMatchObject({ code: 'cluster/storage' })
    await expect(a.get('k')).rejects.toMatchObject({ code: 'cluster/storage' })
    await server!.start()
    expect((await a.get('k'))?.value).toBe(1)
    expect((await b.put('k', 3)).value).toBe(3)
    await eventually(() => events.includes('storage.feed-back'), 10_000)
    await eventually(() => summary(heard).some(event => JSON.stringify(event) === '["k",3]'))
    await a.put('k', 4)
    await eventually(() => JSON.stringify(summary(heard).at(-1)) === '["k",4]')
  })

  test('notices a listening connection whose other end vanished without a word', async () => {
    const direct = await server!.database()
    const road = await openRoad(server!.port)
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const events: string[] = []
      const log = { ...NO_LOG, info: (event: string) => events.push(event), warn: (event: string) => events.push(event) }
      const a = await open(direct)
      const b = await open(`${direct.replace(`:${server!.port}/`, `:${road.port}/`)}?query_timeout=300`, log)
      const heard: StorageEvent[] = []
      b.watch('', event => heard.push(event))
      road.freeze()
      await a.put('k', 'missed')
      expect(heard).toEqual([])
      await vi.advanceTimersByTimeAsync(10_000)
      await eventually(() => events.includes('storage.feed-lost') && events.includes('storage.feed-back'))
      await eventually(() => JSON.stringify(summary(heard)) === '[["k","missed"]]')
    } finally {
      vi.useRealTimers()
      road.close()
    }
  })

  test('reads on when only its connections were ended', async () => {
    const { a, connString } = await two()
    await Promise.all(Array.from({ length: 8 }, (_, at) => a.put(`k${at}`, at)))
    await cutFeeds(connString)
    expect(await Promise.all(Array.from({ length: 8 }, async (_, at) => (await a.get(`k${at}`))?.value))).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  test('lists a thousand keys fast', async () => {
    const { a, b } = await two()
    for (let n = 0; n < 10; n++)
      await Promise.all(Array.from({ length: 100 }, (_, at) => a.put(`servers/${n}-${at}`, { labels: { env: 'x'.repeat(200) } })))
    await a.put('serverz', 1)
    const started = performance.now()
    expect(await b.list('servers/')).toHaveLength(1_000)
    expect(performance.now() - started).toBeLessThan(200)
  })

  test('orders keys by their bytes, and takes a prefix as text', async () => {
    const connString = await server!.database()
    const a = await open(connString)
    for (const key of ['a%/1', 'a_/1', 'aB/1', 'ab/1', 'a/ü', 'a/z', 'a/😀']) await a.put(key, 1)
    expect((await a.list('a/')).map(({ key }) => key)).toEqual(['a/z', 'a/ü', 'a/😀'])
    expect((await a.list('a%')).map(({ key }) => key)).toEqual(['a%/1'])
    expect((await a.list('')).map(({ key }) => key)).toEqual(['a%/1', 'a/z', 'a/ü', 'a/😀', 'aB/1', 'a_/1', 'ab/1'])
  })

  test('makes its tables once when many processes start at once', async () => {
    const connString = await server!.database()
    const many = await Promise.all(Array.from({ length: 6 }, () => open(connString)))
    await many[0]!.put('k', 1)
    expect((await many[5]!.get('k'))?.value).toBe(1)
    expect(await server!.query(connString, 'select version from portico_schema')).toEqual([{ version: 1 }])
  })

  test('refuses tables of a newer Portico and leaves them alone', async () => {
    const connString = await server!.database()
    await (await open(connString)).put('k', 1)
    await server!.query(connString, 'insert into portico_schema (version) values (999)')
    await expect(open(connString)).rejects.toMatchObject({ code: 'cluster/config', facts: { why: expect.stringContaining('newer') } })
  })

  test('works with an account that may not create tables, once they are there', async () => {
    const connString = await server!.database()
    await open(connString)
    await server!.query(
      connString,
      'create role small login; grant select, insert, update, delete on all tables in schema public to small; grant usage on sequence portico_revision to small',
    )
    const small = await open(connString.replace('portico:not-needed', 'small:x'))
    expect((await small.put('k', 1)).value).toBe(1)
  })

  test('says which database fails and never the password', async () => {
    const connString = await server!.database()
    const closedPort = connString.replace(`:${server!.port}/`, ':1/').replace('not-needed', 'S3CRET')
    for (const wrong of [closedPort, `${connString.replace('not-needed', 'S3CRET')}_none`]) {
      const thrown = await open(wrong).then(
        () => undefined,
        (error: unknown) => error as Error,
      )
      expect(thrown).toMatchObject({
        code: 'cluster/storage',
        facts: { database: expect.stringMatching(/^PostgreSQL at 127\.0\.0\.1:\d+, database test_/) },
      })
      expect(`${thrown!.stack}${JSON.stringify(thrown)}${String(thrown!.cause)}`).not.toContain('S3CRET')
    }
    for (const wrong of [
      'mysql://u:S3CRET@h/d',
      'host=h password=S3CRET',
      'postgresql://u:S3CRET@[h/d',
      `${connString}?sslrootcert=/no/such/S3-file`,
    ]) {
      const thrown = await open(wrong).then(
        () => undefined,
        (error: unknown) => error as Error,
      )
      expect(thrown).toMatchObject({ code: 'cluster/config' })
      expect(`${thrown!.stack}${JSON.stringify(thrown)}`).not.toContain('S3CRET')
    }
  })

  test('speaks TLS as the connection string says, and verifies whom it speaks to', async () => {
    const connString = (await server!.database()).replace('127.0.0.1', 'localhost')
    const roots = join(folder, 'root.pem')
    writeFileSync(roots, certificates.webRoot)
    const storage = await open(`${connString}?sslmode=verify-full&sslrootcert=${roots}`)
    await storage.put('k', 1)
    const { ssl } = (
      await server!.query(
        connString,
        `select bool_and(ssl) as ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'portico' and datname = current_database()`,
      )
    )[0]!
    expect(ssl).toBe(true)
    const unknown = { code: 'cluster/storage', facts: { why: expect.stringContaining('certificate') } }
    await expect(open(`${connString}?sslmode=verify-full`)).rejects.toMatchObject(unknown)
  })

  test('removes what ended a minute ago, and tells it', async () => {
    const connString = await server!.database()
    let clock = 1_000
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const storage = await openPostgresStorage(connString, { now: () => clock })
      opened.push(storage)
      const heard: StorageEvent[] = []
      storage.watch('', event => heard.push(event))
      await storage.put('k', 1, { expires: 2_000 })
      const rows = async (): Promise<number> => (await server!.query(connString, 'select key from portico_items')).length
      clock = 61_999
      await vi.advanceTimersByTimeAsync(30_000)
      expect(await storage.get('k')).toBeUndefined()
      expect(await rows()).toBe(1)
      clock = 62_000
      await vi.advanceTimersByTimeAsync(30_000)
      await eventually(async () => (await rows()) === 0)
      await eventually(() => heard.length === 2)
      expect(heard[1]).toEqual({ type: 'delete', key: 'k' })
    } finally {
      vi.useRealTimers()
    }
  })

  test('refuses a key that no index takes', async () => {
    const { a } = await two()
    await expect(a.put('k'.repeat(3_000), 1)).rejects.toMatchObject({ code: 'cluster/storage' })
    expect(await a.get('k'.repeat(3_000))).toBeUndefined()
  })

  test('refuses a value that jsonb cannot hold, and keeps the old one', async () => {
    const { a } = await two()
    await a.put('k', 1)
    await expect(a.put('k', { text: 'a\0b' })).rejects.toMatchObject({ code: 'cluster/storage' })
    expect((await a.get('k'))?.value).toBe(1)
  })
})
