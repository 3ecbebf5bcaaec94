import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../log/log.ts'
import type { Account } from './account.ts'
import { startServer, type LabServer } from './lab-server.ts'
import type { Programs } from './programs.ts'
import { runProgram } from './run-program.ts'
import { writeServerFiles, type ServerCertificate } from './server-files.ts'

/** Certificate login only, only for the two accounts of the lab: the superuser has no line, so no way in. */
const HBA = 'hostssl all alice,reader 127.0.0.1/32 cert\n'

interface PostgresOptions {
  readonly programs: Programs
  readonly account: Account | undefined
  readonly data: string
  readonly port: number
  readonly certificate: ServerCertificate
  readonly log: Log
}

export interface PostgresServer extends LabServer {
  readonly port: number
}

/** A server on these data that an earlier lab left behind: stopped, and its pid file removed. */
export async function stopLeftover({ programs, account, data }: Pick<PostgresOptions, 'programs' | 'account' | 'data'>): Promise<void> {
  await runProgram(programs.pgCtl, ['stop', '-D', data, '-m', 'fast', '-w', '-t', '10'], { account, cwd: data })
  await rm(join(data, 'postmaster.pid'), { force: true })
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
  const { programs, account, data, port, certificate, log } = options
  await stopLeftover(options)
  await writeServerFiles(data, account, certificate, { 'pg_hba.conf': HBA })
  const server = await startServer({
    title: 'PostgreSQL',
    command: [programs.postgres, '-D', data, ...settings(port)],
    account,
    cwd: data,
    ready: 'ready to accept connections',
    trouble: /FATAL|PANIC|could not/,
    endSignal: 'INT',
    // Immediate shutdown; fsync is off anyway.
    cutSignal: 'SIGQUIT',
    endOnWindows: () => stopLeftover(options),
    log,
  })
  return { ...server, port }
}
