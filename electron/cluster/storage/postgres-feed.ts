import { setTimeout as sleep } from 'node:timers/promises'
import pg, { type Client } from 'pg'
import type { Log } from '../../log/log.ts'
import { asStorageError, type Postgres } from './postgres-connection.ts'
import { CHANNEL } from './postgres-schema.ts'
import type { Item, StorageEvent } from './storage.ts'

const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 5_000
/** A connection whose other end vanished without a word is noticed by a question that gets no answer. */
const PING_MS = 10_000
const GOODBYE_MS = 1_000
/** Keys re-read in one statement. */
const BATCH = 500

interface FeedOptions {
  readonly postgres: Postgres
  /** Those of the keys that have a living item. */
  readonly read: (keys: readonly string[]) => Promise<readonly Item[]>
  readonly now: () => number
  readonly log: Log
}

export interface Feed {
  watch(prefix: string, listener: (event: StorageEvent) => void): () => void
  /** After a change of our own: resolves when the watchers of the key were told. Never rejects. */
  changed(key: string): Promise<void>
  close(): Promise<void>
}

/**
 * Changes of the table, whoever made them. A notification says only that a key has another revision; what is told to watchers is
 * read afterwards, by one reader, so that they never see an older state after a newer one. The revision of every key is kept here:
 * after a lost connection the table is compared with it, and watchers are told what differs. Several changes of a key in a row may
 * be told as the last one, and one made just before `watch` may be told too.
 * @throws PorticoError cluster/storage when the first connection fails; later ones are tried for ever
 */
export async function openFeed({ postgres, read, now, log }: FeedOptions): Promise<Feed> {
  const known = new Map<string, string>()
  const differing = new Set<string>()
  const watchers = new Set<{ readonly prefix: string; readonly listener: (event: StorageEvent) => void }>()
  const closing = new AbortController()
  let client: Client | undefined
  let reading: Promise<void> | undefined
  let connecting: Promise<void> | undefined

  const watched = (key: string): boolean => [...watchers].some(({ prefix }) => key.startsWith(prefix))

  function tell(key: string, event: StorageEvent): void {
    for (const { prefix, listener } of watchers) {
      if (!key.startsWith(prefix)) continue
      try {
        listener(event)
      } catch (thrown) {
        log.error('storage.listener', { key }, thrown)
      }
    }
  }

  /** @param revision undefined: the key is gone */
  function note(key: string, revision: string | undefined): void {
    if (known.get(key) === revision) return
    if (watched(key)) {
      differing.add(key)
      void readDiffering()
    } else if (revision === undefined) known.delete(key)
    else known.set(key, revision)
  }

  async function readBatch(keys: readonly string[]): Promise<void> {
    const items = new Map((await read(keys)).map(item => [item.key, item]))
    for (const key of keys) {
      const item = items.get(key)
      if (item?.revision === known.get(key)) continue
      if (item === undefined) {
        known.delete(key)
        tell(key, { type: 'delete', key })
      } else {
        known.set(key, item.revision)
        tell(key, { type: 'put', item })
      }
    }
  }

  /** What cannot be read now is read after the next connection. Never rejects. */
  function readDiffering(): Promise<void> {
    return (reading ??= (async () => {
      // So that `reading` is set before this is over.
      await Promise.resolve()
      while (differing.size > 0 && !closing.signal.aborted) {
        const keys = [...differing].slice(0, BATCH)
        for (const key of keys) differing.delete(key)
        try {
          await readBatch(keys)
        } catch (thrown) {
          for (const key of keys) differing.add(key)
          lost(client, thrown)
          break
        }
      }
      reading = undefined
    })())
  }

  /** @throws PorticoError cluster/storage */
  async function connect(): Promise<void> {
    const opening = new pg.Client(postgres.config)
    opening.on('error', thrown => lost(opening, thrown))
    opening.on('end', () => lost(opening, undefined))
    opening.on('notification', ({ payload = '' }) => {
      const space = payload.indexOf(' ')
      const revision = payload.slice(0, space)
      note(payload.slice(space + 1), revision === '0' ? undefined : revision)
    })
    try {
      await opening.connect()
      // First listen, then look: what changes in between is told twice and not never.
      await opening.query(`listen ${CHANNEL}`)
      const found = await opening.query<{ key: string; revision: string }>(
        'select key, revision from portico_items where expires is null or expires > $1',
        [now()],
      )
      const there = new Map(found.rows.map(({ key, revision }) => [key, revision]))
      for (const [key, revision] of there) note(key, revision)
      for (const key of known.keys()) if (!there.has(key)) note(key, undefined)
      client = opening
    } catch (thrown) {
      opening.end().catch(() => undefined)
      throw asStorageError(thrown, postgres.name)
    }
    void readDiffering()
  }

  /** Does nothing for a connection that is not the one in use. */
  function lost(which: Client | undefined, thrown: unknown): void {
    if (client === undefined || which !== client || closing.signal.aborted) return
    client.end().catch(() => undefined)
    client = undefined
    log.warn('storage.feed-lost', { database: postgres.name }, thrown)
    connecting = reconnect()
  }

  async function reconnect(): Promise<void> {
    for (let wait = FIRST_RETRY_MS; client === undefined; wait = Math.min(2 * wait, LONGEST_RETRY_MS)) {
      // Not all machines at once.
      await sleep(wait * (0.5 + Math.random() / 2), undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      if (closing.signal.aborted) return
      await connect().then(
        () => log.info('storage.feed-back', { database: postgres.name }),
        (thrown: unknown) => log.debug('storage.feed-retry', { database: postgres.name }, thrown),
      )
    }
  }

  await connect()
  const ping = setInterval(() => {
    const asked = client
    asked?.query('select 1').catch((thrown: unknown) => lost(asked, thrown))
  }, PING_MS)
  ping.unref()

  return {
    watch(prefix, listener) {
      const watcher = { prefix, listener }
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    async changed(key) {
      if (!watched(key)) return
      differing.add(key)
      await readDiffering()
    },
    async close() {
      closing.abort()
      clearInterval(ping)
      watchers.clear()
      await connecting
      // One whose other end vanished would take minutes.
      await Promise.race([client?.end().catch(() => undefined), sleep(GOODBYE_MS, undefined, { ref: false })])
      await reading
    },
  }
}
