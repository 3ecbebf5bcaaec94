import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'

/** A connection of a real driver that asks something small. */
interface Session {
  ask(): Promise<unknown>
  close(): Promise<unknown>
}

/** By protocol, to the line of `open` of its tunnel. Longer than a connection may be held: who is held has not failed. */
const WAIT_MS = 90_000
const SESSIONS: Readonly<Record<string, (open: any) => Promise<Session>>> = {
  async postgres({ url }) {
    const one = new pg.Client({ connectionString: url, connectionTimeoutMillis: WAIT_MS })
    one.on('error', () => {})
    await one.connect()
    return { ask: () => one.query('select 1'), close: () => one.end() }
  },
  async mysql({ address: { port } }) {
    const one = await createConnection({ host: '127.0.0.1', port, user: 'alice', database: 'shopfront', connectTimeout: WAIT_MS })
    one.on('error', () => {})
    return { ask: () => one.query('select 1'), close: () => one.end() }
  },
  async redis({ address: { port } }) {
    const one = new Redis({
      port,
      host: '127.0.0.1',
      lazyConnect: true,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      connectTimeout: WAIT_MS,
    })
    one.on('error', () => {})
    await one.connect()
    return { ask: () => one.get('shop:name'), close: () => one.quit() }
  },
  async mongodb({ address: { port } }) {
    const one = new MongoClient(`mongodb://127.0.0.1:${port}/catalog`, {
      directConnection: true,
      serverSelectionTimeoutMS: WAIT_MS,
      connectTimeoutMS: WAIT_MS,
    })
    await one.connect()
    return { ask: () => one.db('catalog').command({ ping: 1 }), close: () => one.close() }
  },
}

export interface SteadyLoad {
  /** New connections that were opened, asked and closed. */
  readonly connections: number
  /** Questions of the connections that stay open from beginning to end. */
  readonly asked: number
  /** What went wrong, in words. */
  readonly failures: readonly string[]
  /** Resolves when everything under way has ended. */
  end(): Promise<void>
}

const PAUSE_MS = 40
const WORKERS = 3

/** One connection that stays, and new ones all the time, until `end`. */
export function steadyLoad(protocol: string, open: unknown): SteadyLoad {
  const begin = SESSIONS[protocol]!
  const load = { connections: 0, asked: 0, failures: [] as string[] }
  let ending = false
  const told = (what: string) => (thrown: unknown) => void load.failures.push(`${protocol}, ${what}: ${String(thrown)}`)
  const stays = async (): Promise<void> => {
    const session = await begin(open)
    for (; !ending; load.asked++) {
      await session.ask()
      await sleep(PAUSE_MS * 5)
    }
    await session.close()
  }
  const comes = async (): Promise<void> => {
    const session = await begin(open)
    await session.ask()
    await session.close()
    load.connections++
  }
  const work = async (): Promise<void> => {
    for (; !ending; await sleep(PAUSE_MS)) await comes().catch(told('new'))
  }
  const all = [stays().catch(told('staying')), ...Array.from({ length: WORKERS }, work)]
  return Object.assign(load, {
    async end() {
      ending = true
      await Promise.all(all)
    },
  })
}
