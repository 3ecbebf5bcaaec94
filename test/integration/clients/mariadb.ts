import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accountOf, databaseProcess, serverCertificate } from '../../kit/database-process.ts'

/** Whether the system has a MariaDB server and its client. */
export const hasMariadb = ['mariadbd', 'mariadb-install-db', 'mariadb'].every(program => spawnSync('which', [program]).status === 0)

export interface SystemMariadb {
  readonly port: number
  /** PEM of the authority of its certificate. */
  readonly serverCa: string
  /** Its socket: root is let in there, past the cluster. */
  readonly socket: string
  start(): Promise<void>
  /** `kill` = as if it had crashed. */
  stop(how?: 'orderly' | 'kill'): Promise<void>
  /** As root, past the cluster. */
  sql(text: string): string
  remove(): Promise<void>
}

/**
 * The system's own MariaDB, TLS on, with nobody in it yet.
 * @param clientCas PEM of who signs the accounts' certificates
 */
export async function systemMariadb(port: number, clientCas: string): Promise<SystemMariadb> {
  const folder = mkdtempSync('/tmp/portico-my-')
  const data = join(folder, 'data')
  const socket = join(folder, 'server.sock')
  const as = accountOf('mysql')
  const own = (path: string): void => {
    if (as.uid !== undefined && as.gid !== undefined) chownSync(path, as.uid, as.gid)
  }
  mkdirSync(data)
  for (const path of [folder, data]) own(path)
  chmodSync(folder, 0o755)
  const install = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db']
  execFileSync('mariadb-install-db', install, { ...as, cwd: folder, stdio: 'pipe' })

  const { ca, cert, key } = await serverCertificate()
  const files = { 'server.key': key, 'server.crt': cert, 'clients-ca.crt': clientCas }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    own(join(folder, name))
  }
  const settings = [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${socket}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--ssl-ca=${join(folder, 'clients-ca.crt')}`,
    `--ssl-cert=${join(folder, 'server.crt')}`,
    `--ssl-key=${join(folder, 'server.key')}`,
    '--max-connections=600',
    '--max-allowed-packet=256M',
    '--skip-name-resolve',
    '--innodb-flush-log-at-trx-commit=0',
    '--local-infile=1',
    `--pid-file=${join(folder, 'server.pid')}`,
  ]
  const sql = (text: string): string =>
    execFileSync('mariadb', ['--no-defaults', `--socket=${socket}`, '-uroot', '-N', '-B', '-e', text], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim()
  const server = databaseProcess(
    () => spawn('mariadbd', settings, { ...as, cwd: folder, stdio: 'ignore' }),
    () => void sql('select 1'),
    200,
  )
  const stop = (how: 'orderly' | 'kill' = 'orderly'): Promise<void> => server.stop(how === 'orderly' ? 'SIGTERM' : 'SIGKILL')
  return {
    port,
    serverCa: ca,
    socket,
    sql,
    stop,
    start: () => server.start(),
    async remove() {
      await stop('kill')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
