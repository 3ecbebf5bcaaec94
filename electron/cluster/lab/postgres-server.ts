import { spawn, type ChildProcess } from 'node:child_process'
import { chown, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { KeyPair } from '../auth/auth.ts'
import type { Account } from './account.ts'
import type { Programs } from './programs.ts'
import { runProgram, spawnOptions } from './run-program.ts'

const START_MS = 60_000
/** Fast shutdown ends sessions and writes a checkpoint; after that long it is told to stop at once. */
const STOP_MS = 5_000

/**
 * Runs the server and ends it when standard input does: also after SIGKILL of this process no server stays.
 * The shell sets SIGINT to "ignored" for the server, which sets its own.
 */
const KEEPER = 'exec 3<&0; "$@" 3<&- </dev/null & server=$!; (cat <&3 >/dev/null; kill -INT $server 2>/dev/null) & wait $server'

/** Certificate login only, only for the two accounts of the lab: the superuser has no line, so no way in. */
const HBA = 'hostssl all alice,reader 127.0.0.1/32 cert\n'

interface PostgresOptions {
  readonly programs: Programs
  readonly account: Account | undefined
  readonly data: string
  readonly port: number
  readonly certificate: KeyPair & { readonly caCerts: readonly string[] }
  readonly log: Log
}

export interface PostgresServer {
  readonly port: number
  /** Resolves when the server is gone, wanted or not. */
  readonly ended: Promise<void>
  /** Idempotent. */
  stop(): Promise<void>
}

/** A server on these data that an earlier lab left behind: stopped, and its pid file removed. */
export async function stopLeftover({ programs, account, data }: Pick<PostgresOptions, 'programs' | 'account' | 'data'>): Promise<void> {
  await runProgram(programs.pgCtl, ['stop', '-D', data, '-m', 'fast', '-w', '-t', '10'], { account, cwd: data })
  await rm(join(data, 'postmaster.pid'), { force: true })
}

async function writeFiles({ data, account, certificate }: PostgresOptions): Promise<void> {
  const files = {
    'server.key': certificate.key,
    'server.crt': certificate.cert,
    'clients-ca.crt': certificate.caCerts.join(''),
    'pg_hba.conf': HBA,
  }
  for (const [name, text] of Object.entries(files)) {
    // The folder belongs to the account: as root never write through a name that was put there.
    await rm(join(data, name), { force: true })
    await writeFile(join(data, name), text, { mode: 0o600, flag: 'wx' })
    if (account !== undefined) await chown(join(data, name), account.uid, account.gid)
  }
}

function settings(port: number): readonly string[] {
  return [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=600',
    'shared_buffers=128MB',
    'fsync=off',
    'synchronous_commit=off',
    'full_page_writes=off',
    'wal_level=minimal',
    'max_wal_senders=0',
    'ssl=on',
    'ssl_cert_file=server.crt',
    'ssl_key_file=server.key',
    'ssl_ca_file=clients-ca.crt',
    'logging_collector=off',
    'log_destination=stderr',
    'lc_messages=C',
  ].flatMap(setting => ['-c', setting])
}

/** @throws PorticoError `lab/failed` with the server's last words */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { programs, account, data, port, log } = options
  await stopLeftover(options)
  await writeFiles(options)
  const command = [programs.postgres, '-D', data, ...settings(port)]
  const common = { ...spawnOptions(account, data), stdio: ['pipe', 'ignore', 'pipe'] as const }
  // A group of its own: Ctrl-C in the terminal is for us, and sessions are drained before the server is stopped.
  const child =
    process.platform === 'win32'
      ? spawn(command[0]!, command.slice(1), { ...common, stdio: ['pipe', 'ignore', 'pipe'] })
      : spawn('/bin/sh', ['-c', KEEPER, 'portico-lab-postgres', ...command], {
          ...common,
          stdio: ['pipe', 'ignore', 'pipe'],
          detached: true,
        })
  child.stdin?.on('error', () => {})
  const ended = new Promise<void>(resolve => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
    child.once('exit', () => child.stdin?.destroy())
  })
  await ready(child, log)
  let stopping: Promise<void> | undefined
  return { port: options.port, ended, stop: () => (stopping ??= stop(child, ended, options)) }
}

function ready(child: ChildProcess, log: Log): Promise<void> {
  return new Promise((resolve, reject) => {
    let last = ''
    const fail = (why: string): void => {
      clearTimeout(timer)
      child.stdin?.destroy()
      reject(new PorticoError('lab/failed', { why: `PostgreSQL: ${why}` }))
    }
    const timer = setTimeout(() => fail('not ready in time'), START_MS)
    child.once('error', error => fail(error.message))
    child.once('exit', () => fail(last === '' ? 'ended at once' : last))
    if (child.stderr === null) return
    createInterface({ input: child.stderr }).on('line', line => {
      log.debug('lab.postgres', { line })
      if (/FATAL|PANIC|could not/.test(line)) last = line.replace(/^.*?(FATAL|PANIC|LOG):\s*/, '')
      if (!line.includes('ready to accept connections')) return
      clearTimeout(timer)
      resolve()
    })
  })
}

async function stop(child: ChildProcess, ended: Promise<void>, options: PostgresOptions): Promise<void> {
  if (process.platform === 'win32') await stopLeftover(options)
  else child.stdin?.end()
  const cut = setTimeout(() => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    // Immediate shutdown; fsync is off anyway.
    if (process.platform === 'win32') child.kill()
    else process.kill(-child.pid, 'SIGQUIT')
  }, STOP_MS)
  await ended
  clearTimeout(cut)
}
