import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accountOf, databaseProcess, serverCertificate } from '../../kit/database-process.ts'

/** Where Debian keeps the programs of the newest PostgreSQL; undefined where it has no server. */
export const POSTGRES_BIN = findPrograms()

function findPrograms(): string | undefined {
  const versions = '/usr/lib/postgresql'
  if (!existsSync(versions)) return undefined
  return readdirSync(versions)
    .sort((a, b) => Number(b) - Number(a))
    .map(version => join(versions, version, 'bin'))
    .find(folder => ['initdb', 'postgres', 'psql', 'pg_dump', 'pgbench'].every(program => existsSync(join(folder, program))))
}

export interface SystemPostgres {
  readonly port: number
  /** PEM of the authority of its certificate. */
  readonly serverCa: string
  start(): Promise<void>
  /** `immediate` = as if it had crashed. */
  stop(how?: 'fast' | 'immediate'): Promise<void>
  /** As superuser, past the cluster, over a socket of its own. */
  sql(text: string, database?: string): string
  remove(): Promise<void>
}

/**
 * The system's own PostgreSQL with certificate login for everybody who comes over TCP.
 * @param bin see {@link POSTGRES_BIN}
 * @param clientCas PEM of who signs the accounts' certificates
 */
export async function systemPostgres(bin: string, port: number, clientCas: string): Promise<SystemPostgres> {
  const folder = mkdtempSync('/tmp/portico-pg-')
  const data = join(folder, 'data')
  const as = accountOf('postgres')
  const own = (path: string): void => {
    if (as.uid !== undefined && as.gid !== undefined) chownSync(path, as.uid, as.gid)
  }
  own(folder)
  chmodSync(folder, 0o755)
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  execFileSync(join(bin, 'initdb'), initdb, { ...as, cwd: folder, stdio: 'pipe' })

  const { ca, cert, key } = await serverCertificate()
  const settings = `
listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = '${folder}'
max_connections = 600
ssl = on
ssl_ca_file = 'clients-ca.crt'
fsync = off
`
  const files = {
    'server.key': key,
    'server.crt': cert,
    'clients-ca.crt': clientCas,
    'postgresql.conf': settings,
    'pg_hba.conf': 'local all postgres trust\nhostssl all all 127.0.0.1/32 cert\n',
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(data, name), text, { mode: 0o600 })
    own(join(data, name))
  }

  const sql = (text: string, database = 'postgres'): string =>
    execFileSync(join(bin, 'psql'), ['-h', folder, '-p', String(port), '-U', 'postgres', '-XAtqc', text, database], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim()
  const server = databaseProcess(
    () => spawn(join(bin, 'postgres'), ['-D', data], { ...as, cwd: folder, stdio: 'ignore' }),
    () => void sql('select 1'),
    100,
  )
  const stop = (how: 'fast' | 'immediate' = 'fast'): Promise<void> => server.stop(how === 'fast' ? 'SIGINT' : 'SIGQUIT')
  return {
    port,
    serverCa: ca,
    sql,
    stop,
    start: () => server.start(),
    async remove() {
      await stop('immediate')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
