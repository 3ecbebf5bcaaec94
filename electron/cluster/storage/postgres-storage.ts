import pg, { type QueryResultRow } from 'pg'
import { PorticoError } from '../../../shared/errors.ts'
import { NO_LOG, type Log } from '../../log/log.ts'
import { freeze } from './freeze.ts'
import { asStorageError, isConnectionLost, readConnString } from './postgres-connection.ts'
import { openFeed } from './postgres-feed.ts'
import { migrate } from './postgres-schema.ts'
import type { Item, Storage } from './storage.ts'

export interface PostgresStorageOptions {
  readonly log?: Log
  /** ms since 1970. The clocks of all machines of a cluster have to agree, as they have to for its certificates. */
  readonly now?: () => number
}

/** Connections of this process besides the one that listens. */
const POOL = 8
const SWEEP_MS = 30_000
/** So long after their end items are removed: a machine whose clock is ahead must not take what others still count on. */
const SWEEP_LATE_MS = 60_000
/** Bytes: what one page of the index and one notification can take. */
const LONGEST_KEY = 2_000

const COLUMNS = 'key, value, revision, expires'
const ALIVE = '(expires is null or expires > $2)'
const GET = `select ${COLUMNS} from portico_items where key = $1 and ${ALIVE}`
const GET_MANY = `select ${COLUMNS} from portico_items where key = any($1) and ${ALIVE}`
/** Up to the prefix with the last code point behind it: a range of the primary key. */
const LIST = `select ${COLUMNS} from portico_items where key >= $1 and key < $1 || chr(1114111) and ${ALIVE} order by key`
const NEXT = `nextval('portico_revision')`
const INSERT = `insert into portico_items (key, value, expires, revision) values ($1, $2, $3, ${NEXT}) on conflict (key)`
const NEW_VALUES = `value = $2, expires = $3, revision = ${NEXT}`
const PUT = `${INSERT} do update set ${NEW_VALUES} returning ${COLUMNS}`
/** An item that ended is as good as none. */
const CREATE = `${INSERT} do update set ${NEW_VALUES} where portico_items.expires <= $4 returning ${COLUMNS}`
const SWAP = `update portico_items set ${NEW_VALUES}
  where key = $1 and (expires is null or expires > $4) and revision = $5 returning ${COLUMNS}`

interface Row extends QueryResultRow {
  readonly key: string
  readonly value: unknown
  readonly revision: string
  readonly expires: number | null
}

const itemOf = ({ key, value, revision, expires }: Row): Item => freeze({ key, value, revision, ...(expires === null ? {} : { expires }) })

/**
 * State in one table of a PostgreSQL database, for several processes on several machines. Every change is one statement; reads always
 * ask the database, so that what one process wrote all others read. Watchers hear of changes of others by LISTEN.
 * jsonb cannot hold the character U+0000: such a value is refused.
 * @throws PorticoError cluster/config for a connection string or tables that cannot be used, cluster/storage, state/disk-full
 */
export async function openPostgresStorage(connString: string, options: PostgresStorageOptions = {}): Promise<Storage> {
  const { log = NO_LOG, now = Date.now } = options
  const postgres = readConnString(connString)
  const pool = new pg.Pool({ ...postgres.config, max: POOL })
  pool.on('error', thrown => log.debug('storage.connection-lost', { database: postgres.name }, thrown))

  async function run(statement: string, values: readonly unknown[]): Promise<readonly Item[]> {
    try {
      return (await pool.query<Row>(statement, [...values])).rows.map(itemOf)
    } catch (thrown) {
      throw asStorageError(thrown, postgres.name)
    }
  }
  /** Reads may be asked twice: after a restart of the server each old connection fails once. */
  async function read(statement: string, values: readonly unknown[]): Promise<readonly Item[]> {
    try {
      return await run(statement, values)
    } catch (thrown) {
      if (!isConnectionLost((thrown as PorticoError).cause)) throw thrown
      return run(statement, values)
    }
  }

  try {
    const client = await pool.connect()
    // Between two statements nobody else listens; the next one fails.
    const ignore = (): void => {}
    client.on('error', ignore)
    try {
      await migrate(client, postgres.name)
    } finally {
      client.off('error', ignore)
      client.release()
    }
  } catch (thrown) {
    await pool.end()
    throw asStorageError(thrown, postgres.name)
  }
  const feed = await openFeed({ postgres, read: keys => read(GET_MANY, [keys, now()]), now, log }).catch(async (thrown: unknown) => {
    await pool.end()
    throw thrown
  })

  async function write(
    statement: string,
    key: string,
    value: unknown,
    expires: number | undefined,
    more: readonly unknown[],
  ): Promise<Item | undefined> {
    if (Buffer.byteLength(key) > LONGEST_KEY) {
      throw new PorticoError('cluster/storage', {
        database: postgres.name,
        why: `a key may have ${LONGEST_KEY} bytes: ${key.slice(0, 100)}…`,
      })
    }
    const [item] = await run(statement, [key, JSON.stringify(value ?? null), expires ?? null, ...more])
    if (item !== undefined) await feed.changed(key)
    return item
  }

  const sweeper = setInterval(() => {
    run('delete from portico_items where expires <= $1', [now() - SWEEP_LATE_MS]).catch((thrown: unknown) =>
      log.warn('storage.sweep-failed', { database: postgres.name }, thrown),
    )
  }, SWEEP_MS)
  sweeper.unref()
  let closed: Promise<void> | undefined

  return {
    get: async key => (await read(GET, [key, now()]))[0],
    list: prefix => read(LIST, [prefix, now()]),
    put: async (key, value, more) => (await write(PUT, key, value, more?.expires, []))!,
    compareAndSwap: (key, revision, value, more) =>
      revision === undefined
        ? write(CREATE, key, value, more?.expires, [now()])
        : write(SWAP, key, value, more?.expires, [now(), revision]),
    async delete(key) {
      await run('delete from portico_items where key = $1', [key])
      await feed.changed(key)
    },
    watch: (prefix, listener) => feed.watch(prefix, listener),
    close: () =>
      (closed ??= (async () => {
        clearInterval(sweeper)
        await feed.close()
        await pool.end()
      })()),
  }
}
