import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { unprivilegedAccount } from '../../../electron/cluster/lab/account.ts'
import { preparePrograms } from '../../../electron/cluster/lab/programs.ts'
import { runProgram, spawnOptions } from '../../../electron/cluster/lab/run-program.ts'
import { freePort } from '../../kit/free-port.ts'

/** Debian's, whose version is an older one than the package's. */
const SYSTEM = '/usr/lib/postgresql/15/bin'

/** The server ends when standard input does, so also when the test runner is killed. */
const KEEPER = 'exec 3<&0; "$@" 3<&- </dev/null & server=$!; (cat <&3 >/dev/null; kill -INT $server 2>/dev/null) & wait $server'

export interface PostgresUnderTest {
  readonly port: number
  /** An empty database of its own. */
  database(): Promise<string>
  /** As the superuser, in that database. */
  query(connString: string, statement: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
  start(): Promise<void>
  /** As an administrator does: sessions are ended. */
  stop(): Promise<void>
  close(): Promise<void>
}

export interface PostgresOptions {
  readonly addresses?: readonly string[]
  /** It answers SSLRequest with this. */
  readonly keyPair?: { readonly key: string; readonly cert: string }
}

/** A fresh server on this machine, without passwords. undefined where there is none to run. */
export async function openPostgres({ addresses = ['127.0.0.1'], keyPair }: PostgresOptions = {}): Promise<PostgresUnderTest | undefined> {
  const account = unprivilegedAccount()
  const folder = await mkdtemp(join(account === undefined ? tmpdir() : '/var/tmp', 'portico-storage-'))
  if (account !== undefined) await chown(folder, account.uid, account.gid)
  await chmod(folder, 0o755)
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  const system = { postgres: join(SYSTEM, 'postgres'), initdb: join(SYSTEM, 'initdb') }
  const programs = existsSync(system.postgres) ? system : await preparePrograms(account, folder).catch(() => undefined)
  if (programs === undefined) return remove().then(() => undefined)

  const data = join(folder, 'data')
  const made = await runProgram(programs.initdb, ['-D', data, '-U', 'portico', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'], {
    account,
    cwd: folder,
  })
  if (made.code !== 0) throw new Error(made.said)
  const port = await freePort()
  const settings = [`port=${port}`, `listen_addresses=${addresses.join()}`, 'unix_socket_directories=', 'fsync=off', 'max_connections=400']
  if (keyPair !== undefined) {
    for (const [name, text] of [
      ['server.key', keyPair.key],
      ['server.crt', keyPair.cert],
    ] as const) {
      await writeFile(join(data, name), text, { mode: 0o600 })
      if (account !== undefined) await chown(join(data, name), account.uid, account.gid)
    }
    settings.push('ssl=on')
  }
  let child: ChildProcess | undefined
  let databases = 0
  const urlOf = (name: string): string => `postgresql://portico:not-needed@127.0.0.1:${port}/${name}`

  async function query(
    connString: string,
    statement: string,
    values: readonly unknown[] = [],
  ): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: connString })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(statement, [...values])).rows
    } finally {
      await client.end()
    }
  }
  async function stop(): Promise<void> {
    const running = child
    child = undefined
    if (running === undefined) return
    const gone = once(running, 'exit')
    running.stdin?.end()
    await gone
  }
  async function start(): Promise<void> {
    const command = [programs!.postgres, '-D', data, ...settings.flatMap(setting => ['-c', setting])]
    child = spawn('/bin/sh', ['-c', KEEPER, 'portico-test-postgres', ...command], {
      ...spawnOptions(account, folder),
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    child.stdin?.on('error', () => {})
    for (let tries = 0; ; tries++) {
      if (
        await query(urlOf('postgres'), 'select 1').then(
          () => true,
          () => false,
        )
      )
        return
      if (tries === 200) throw new Error('PostgreSQL did not start')
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  await start()
  return {
    port,
    async database() {
      const name = `test_${++databases}`
      await query(urlOf('postgres'), `create database ${name}`)
      return urlOf(name)
    },
    query,
    start,
    stop,
    async close() {
      await stop()
      await remove()
    },
  }
}

/** Until the condition holds; fails after `ms`. @returns how long it took, ms */
export async function eventually(holds: () => boolean | Promise<boolean>, ms = 5_000): Promise<number> {
  const started = performance.now()
  while (!(await holds())) {
    if (performance.now() - started > ms) throw new Error(`not so after ${ms} ms`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  return performance.now() - started
}
