import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram } from './find-program.ts'
import type { LabPart, PartOptions } from './lab-part.ts'
import { startServer } from './lab-server.ts'
import { failedProgram, runProgram } from './run-program.ts'
import { seedFile } from './seed-file.ts'
import { writeOwned, writeServerFiles } from './server-files.ts'

const SERVER = 'mariadbd'
const INSTALLER = 'mariadb-install-db'
/** Written last: a folder without it was left by a start that did not finish, and is made anew. */
const MARKER = 'seeded'
/** A small server: 26 MB on disk instead of 126. */
const SMALL = ['--innodb-log-file-size=8M', '--innodb-buffer-pool-size=32M']

async function makeFolder({ folder, account }: PartOptions): Promise<void> {
  for (const path of [folder, join(folder, 'tmp')]) {
    await mkdir(path, { recursive: true, mode: 0o700 })
    if (account !== undefined) await chown(path, account.uid, account.gid)
    await chmod(path, 0o700)
  }
}

/** MariaDB, where `mariadbd` is on PATH. Accounts log in by certificate; the installer's superuser is dropped before the server ever runs. */
export function mariadb(path?: string): LabPart {
  const [server, installer] = [findProgram(SERVER, path), findProgram(INSTALLER, path)]
  return {
    title: 'MariaDB',
    name: 'mariadb',
    database: {
      name: 'shopfront',
      protocol: 'mysql',
      databaseName: 'shopfront',
      description: 'Products, carts and reviews of the web shop',
      labels: { env: 'prod', team: 'sales' },
    },
    programs: [server, installer],
    async seed(options) {
      const { folder, account, signal } = options
      if ((await readFile(join(folder, MARKER), 'utf8').catch(() => '')) !== '') return
      await rm(folder, { recursive: true, force: true })
      await makeFolder(options)
      const seed = join(folder, 'seed.sql')
      await writeOwned(seed, await readFile(seedFile('shopfront.sql'), 'utf8'), account)
      const made = await runProgram(
        installer!,
        [
          '--no-defaults',
          `--datadir=${join(folder, 'data')}`,
          `--tmpdir=${join(folder, 'tmp')}`,
          '--auth-root-authentication-method=normal',
          '--skip-test-db',
          '--skip-name-resolve',
          `--extra-file=${seed}`,
          ...SMALL,
        ],
        { account, cwd: folder, signal },
      )
      if (made.code !== 0) throw failedProgram(INSTALLER, made, signal)
      await writeFile(join(folder, MARKER), `${new Date().toISOString()}\n`, { flag: 'wx' })
    },
    async start({ folder, account, port, log }, certificate) {
      const data = join(folder, 'data')
      await writeServerFiles(folder, account, certificate)
      return startServer({
        title: 'MariaDB',
        command: [
          server!,
          '--no-defaults',
          `--datadir=${data}`,
          `--tmpdir=${join(folder, 'tmp')}`,
          // Below the data folder, which is where it runs: a whole path may be too long for a socket.
          '--socket=socket',
          '--pid-file=pid',
          `--port=${port}`,
          '--bind-address=127.0.0.1',
          '--skip-name-resolve',
          '--max-connections=600',
          '--innodb-flush-log-at-trx-commit=0',
          '--require-secure-transport=on',
          `--ssl-ca=${join(folder, 'clients-ca.crt')}`,
          `--ssl-cert=${join(folder, 'server.crt')}`,
          `--ssl-key=${join(folder, 'server.key')}`,
          ...SMALL,
        ],
        account,
        cwd: data,
        ready: 'ready for connections',
        trouble: /\[ERROR\]/,
        endSignal: 'TERM',
        cutSignal: 'SIGKILL',
        log,
      })
    },
  }
}
