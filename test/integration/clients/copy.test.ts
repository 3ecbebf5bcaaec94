import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentOf, removeFolders, sharedDatabase, TOKEN } from '../cluster/agent-under-test.ts'
import { labWith, openLabTunnel } from './lab-tunnel.ts'
import { POSTGRES_BIN } from './postgres.ts'
import { openWorld, run, type World } from './world.ts'

/** `npm run soak`: 1024. */
const MB = Number(process.env['PORTICO_SOAK_COPY_MB'] ?? 64)
/** One row, with its end. */
const ROW = Buffer.from(`${'portico '.repeat(127)}1234567\n`)
const BLOCK = Buffer.concat(Array.from({ length: 1024 }, () => ROW))
const COPY_MS = 30_000 + MB * 500

describe.skipIf(POSTGRES_BIN === undefined)(`COPY of ${MB} MB`, () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  }, 60_000)
  afterAll(() => world.close(), 30_000)

  const psql = (url: string, text: string): ChildProcessWithoutNullStreams => {
    const child = spawn(join(POSTGRES_BIN!, 'psql'), ['-XAtqc', text, url])
    child.stdin.on('error', () => {})
    child.stderr.resume()
    return child
  }

  async function bothWays(url: string, table: string): Promise<void> {
    expect(await run('psql', ['-XAtqc', `create unlogged table ${table} (line text)`, url])).toMatchObject({ code: 0 })
    const there = psql(url, `copy ${table} from stdin`)
    const said = createHash('sha256')
    for (let block = 0; block < MB; block++) {
      said.update(BLOCK)
      if (!there.stdin.write(BLOCK)) await once(there.stdin, 'drain')
    }
    there.stdin.end()
    expect((await once(there, 'close'))[0]).toBe(0)
    const back = psql(url, `copy ${table} to stdout`)
    const heard = createHash('sha256')
    let bytes = 0
    back.stdout.on('data', (part: Buffer) => {
      bytes += part.length
      heard.update(part)
    })
    expect((await once(back, 'close'))[0]).toBe(0)
    expect(bytes).toBe(MB * BLOCK.length)
    expect(heard.digest('hex')).toBe(said.digest('hex'))
    expect(await run('psql', ['-XAtqc', `drop table ${table}`, url])).toMatchObject({ code: 0 })
  }

  it(
    'goes both ways unchanged, authenticated',
    async () => {
      const tunnel = await world.tunnel('shop')
      await bothWays(tunnel.open.url, 'one')
      await tunnel.end()
    },
    COPY_MS,
  )

  it(
    'goes both ways unchanged inside the client’s own TLS',
    async () => {
      const tunnel = await world.tunnel('shop', '--passthrough')
      await bothWays(tunnel.open.url, 'two')
      await tunnel.end()
    },
    COPY_MS,
  )
})

describe('a COPY that is under way', () => {
  it('ends with an error within 5 s when its agent dies', async () => {
    const lab = await labWith([])
    try {
      await lab.running.tokens.add({ secret: TOKEN, roles: ['db'] })
      const agent = await agentOf(lab, [sharedDatabase(lab, 'far')])
      const tunnel = await openLabTunnel(lab, {
        name: 'far',
        protocol: 'postgres',
        databaseUser: 'alice',
        databaseName: 'shop',
        mode: 'authenticated',
      })
      const client = new pg.Client({ host: '127.0.0.1', port: tunnel.port, user: 'alice', database: 'shop' })
      const broken = once(client, 'error')
      await client.connect()
      const copied = client
        .query("copy (select repeat('x', 1000) from generate_series(1, 100000000)) to stdout")
        .catch((error: Error) => error)
      await sleep(500)
      const began = Date.now()
      await agent.close()
      expect(await copied).toBeInstanceOf(Error)
      await broken
      expect(Date.now() - began).toBeLessThan(5_000)
      await tunnel.close()
    } finally {
      await lab.close(0)
      await removeFolders()
    }
  }, 90_000)
})
