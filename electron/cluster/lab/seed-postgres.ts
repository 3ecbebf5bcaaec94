import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './account.ts'
import type { Programs } from './programs.ts'
import { failedProgram, runProgram } from './run-program.ts'
import { seedFile } from './seed-file.ts'

/** Which file fills which logical database. Order counts: the first one makes the others. */
const SEEDS = [
  { file: 'setup.sql', database: 'postgres', step: 'Creating roles and databases' },
  { file: 'shop.sql', database: 'shop', step: 'Filling orders' },
  { file: 'metrics.sql', database: 'metrics', step: 'Filling metrics' },
  { file: 'archive.sql', database: 'archive', step: 'Filling archive' },
] as const

/** Written last: a folder without it was left by a start that did not finish, and is made anew. */
const MARKER = 'seeded'

interface SeedOptions {
  readonly programs: Programs
  readonly account: Account | undefined
  /** Holds `data` and the marker; made when missing, owned by the account. */
  readonly folder: string
  readonly onProgress: (step: string) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes and fills the data folder unless that was done before. Single-user mode: no server runs, so nobody can connect
 * meanwhile, and the superuser never needs a way in, on no platform.
 * @throws PorticoError `lab/failed`, `app/cancelled`
 */
export async function seedPostgres({ programs, account, folder, onProgress, signal }: SeedOptions): Promise<string> {
  const data = join(folder, 'data')
  if ((await readFile(join(folder, MARKER), 'utf8').catch(() => '')) !== '') return data
  onProgress('Creating the database server')
  for (const leftover of [data, join(folder, MARKER)]) await rm(leftover, { recursive: true, force: true })
  await mkdir(data, { recursive: true, mode: 0o700 })
  if (account !== undefined) await chown(data, account.uid, account.gid)
  const run = { account, cwd: data, signal }
  const made = await runProgram(
    programs.initdb,
    [
      '-D',
      data,
      '-U',
      'portico',
      '--auth=reject',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--locale=C.UTF-8',
      '--no-sync',
      '--no-instructions',
    ],
    run,
  )
  if (made.code !== 0) throw failedProgram('initdb', made, signal)
  for (const { file, database, step } of SEEDS) {
    onProgress(step)
    const settings = [
      'exit_on_error=on',
      'fsync=off',
      'wal_level=minimal',
      'max_wal_senders=0',
      'max_wal_size=1GB',
      'shared_buffers=64MB',
      'maintenance_work_mem=128MB',
    ]
    const filled = await runProgram(
      programs.postgres,
      ['--single', '-j', ...settings.flatMap(setting => ['-c', setting]), '-D', data, database],
      { ...run, input: seedFile(file) },
    )
    if (filled.code !== 0) throw failedProgram(file, filled, signal)
  }
  await writeFile(join(folder, MARKER), `${new Date().toISOString()}\n`, { flag: 'wx' })
  return data
}
