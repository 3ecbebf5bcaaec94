import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import pg from 'pg'
import { NO_LOG } from '../../../electron/log/log.ts'
import { startLab, type Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { certificateFor, openLocalPort, passthroughFiles, run, type LocalPort } from './lab-client.ts'

let lab: Lab
let tunnel: LocalPort
let open: LocalPort
let files: Awaited<ReturnType<typeof passthroughFiles>>

const ORDERS = { ServiceName: 'orders', Username: 'alice', Database: 'shop' }

beforeAll(async () => {
  lab = await startLab({ home: '', ephemeral: true, listen: { host: '127.0.0.1', port: 0 }, log: NO_LOG })
  const certificate = await certificateFor(lab, 'alice', ORDERS)
  tunnel = await openLocalPort(lab, certificate)
  open = await openLocalPort(lab, undefined)
  files = await passthroughFiles(lab, certificate)
}, 90_000)
afterAll(async () => {
  tunnel?.close()
  open?.close()
  await files?.remove()
  await lab?.close(0)
})

const psql = (conninfo: string, sql: string, ...more: string[]) =>
  run('psql', [conninfo, '-X', '-Atc', sql, ...more], { PGAPPNAME: 'portico-test' })
const authenticated = (rest = 'user=alice dbname=shop'): string => `host=127.0.0.1 port=${tunnel.port} ${rest}`
const passthrough = (rest = 'user=alice dbname=shop'): string => `host=localhost port=${open.port} ${rest} ${files.options}`

describe('a session', () => {
  test.each([
    ['authenticated', authenticated],
    ['passthrough', passthrough],
  ] as const)('%s reaches the database as the account asked for', async (_mode, conninfo) => {
    const end = await psql(
      conninfo(),
      `select current_user, current_database(), (select count(*) from orders), (select application_name from pg_stat_activity where pid = pg_backend_pid())`,
    )
    expect(end).toMatchObject({ code: 0, stdout: 'alice|shop|120000|portico-test\n', stderr: '' })
  })

  test('passes on what the client sets at the start', async () => {
    const end = await run('psql', [authenticated(), '-X', '-Atc', 'show work_mem', '-c', 'show client_encoding'], {
      PGOPTIONS: '-c work_mem=7MB',
      PGCLIENTENCODING: 'LATIN1',
    })
    expect(end.stdout).toBe('7MB\nLATIN1\n')
  })

  test('takes user and database from the client, not from the certificate', async () => {
    expect((await psql(authenticated('user=reader dbname=archive'), 'select current_user, current_database()')).stdout).toBe(
      'reader|archive\n',
    )
  })

  test('moves much data both ways', async () => {
    const client = new pg.Client({ host: '127.0.0.1', port: tunnel.port, user: 'alice', database: 'shop' })
    await client.connect()
    const text = 'ä'.repeat(3_000_000)
    const { rows } = await client.query('select $1::text as back', [text])
    expect(rows[0].back === text).toBe(true)
    await client.end()
  })
})

describe('a cancel request', () => {
  async function cancelled(conninfo: string): Promise<string> {
    const child = spawn('psql', [conninfo, '-X', '-c', 'select pg_sleep(20)'])
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    setTimeout(() => child.kill('SIGINT'), 1_500)
    await new Promise(resolve => child.once('close', resolve))
    return said
  }

  test('ends a query in authenticated mode', async () => {
    expect(await cancelled(authenticated())).toContain('canceling statement due to user request')
  })

  test('ends a query in passthrough mode when its connection shows the certificate outside', async () => {
    // libpq before 17 cancels in clear: as `tsh`, the local side shows the certificate in the outer TLS then. wire/database.md 2.4
    const client = new pg.Client({ connectionString: `postgres://alice@127.0.0.1:${tunnel.port}/shop` })
    await client.connect()
    const slow = client.query('select pg_sleep(20)').catch((thrown: Error) => thrown.message)
    await new Promise(resolve => setTimeout(resolve, 300))
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
    const canceller = new pg.Client({ host: '127.0.0.1', port: tunnel.port }) as unknown as {
      connection: {
        connect(port: number, host: string): void
        cancel(pid: number, key: number): void
        on(event: string, listener: () => void): void
      }
    }
    canceller.connection.on('connect', () => canceller.connection.cancel(processID, secretKey))
    canceller.connection.connect(tunnel.port, '127.0.0.1')
    expect(await slow).toBe('canceling statement due to user request')
    await client.end()
  })
})

describe('a refusal', () => {
  const through = async (user: string, route: object, rest: string, usage?: readonly string[]): Promise<string> => {
    const port = await openLocalPort(lab, await certificateFor(lab, user, route, usage))
    try {
      return (await psql(`host=127.0.0.1 port=${port.port} ${rest}`, 'select 1')).stderr
    } finally {
      port.close()
    }
  }
  const DENIED = 'access to db denied. User does not have permissions. Confirm database user and name.'

  test('names the access rule for an account that the roles do not allow', async () => {
    expect(await through('bob', { ServiceName: 'metrics', Username: 'alice', Database: 'metrics' }, 'user=alice dbname=metrics')).toContain(
      DENIED,
    )
    expect(
      await through('bob', { ServiceName: 'metrics', Username: 'reader', Database: 'metrics' }, 'user=alice dbname=metrics'),
    ).toContain(DENIED)
  })

  test('and for a database whose labels they do not match', async () => {
    expect(await through('bob', { ServiceName: 'orders', Username: 'reader', Database: 'shop' }, 'user=reader dbname=shop')).toContain(
      DENIED,
    )
  })

  test('but lets bob read what is labelled env=dev', async () => {
    expect(await through('bob', { ServiceName: 'metrics', Username: 'reader', Database: 'metrics' }, 'user=reader dbname=metrics')).toBe('')
  })

  test('is a plain close for a database that does not exist, in authenticated mode', async () => {
    expect(await through('alice', { ServiceName: 'nosuch', Username: 'alice' }, 'user=alice dbname=shop')).toContain(
      'server closed the connection unexpectedly',
    )
  })

  test('passes on that a logical database does not exist', async () => {
    expect((await psql(authenticated('user=alice dbname=nosuch'), 'select 1')).stderr).toContain('FATAL:  database "nosuch" does not exist')
  })

  test('hides the superuser', async () => {
    expect((await psql(authenticated('user=portico dbname=shop'), 'select 1')).stderr).toContain(DENIED)
  })

  test('says so when the database is down', async () => {
    await lab.postgres.stop()
    expect((await psql(authenticated(), 'select 1')).stderr).toContain('connection refused')
    expect((await psql(passthrough(), 'select 1')).stderr).toContain('connection refused')
  }, 30_000)
})

test('closing does not wait for idle web connections', async () => {
  const agent = new Agent({ keepAlive: true })
  const answer = await new Promise<number | undefined>((resolve, reject) => {
    get(
      {
        host: '127.0.0.1',
        port: lab.running.address.port,
        path: '/webapi/ping',
        servername: 'localhost',
        ca: readFileSync(lab.caFile),
        agent,
      },
      response => {
        response.resume().once('end', () => resolve(response.statusCode))
      },
    ).once('error', reject)
  })
  expect(answer).toBe(200)
  tunnel.close()
  open.close()
  const began = performance.now()
  await lab.close(4_000)
  expect(performance.now() - began).toBeLessThan(2_000)
  agent.destroy()
})
