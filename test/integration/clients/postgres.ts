import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { commonNameOnly, issueCertificate, newKeyPair, openCaSigner, privateKeyPem, selfSignedCa } from '../../../electron/wire/x509.ts'

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

/** PostgreSQL refuses to run as root. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
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
  const as = account()
  const own = (path: string): void => {
    if (as.uid !== undefined && as.gid !== undefined) chownSync(path, as.uid, as.gid)
  }
  own(folder)
  chmodSync(folder, 0o755)
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  execFileSync(join(bin, 'initdb'), initdb, { ...as, cwd: folder, stdio: 'pipe' })

  const caKeys = await newKeyPair('ecdsa-p256')
  const ca = await openCaSigner(selfSignedCa('db.test', caKeys, Date.now()), privateKeyPem(caKeys.privateKey))
  const keys = await newKeyPair('ecdsa-p256')
  const certificate = issueCertificate({
    ca,
    subject: commonNameOnly('localhost'),
    publicKey: keys.publicKey,
    now: Date.now(),
    notAfter: Date.now() + 86_400_000,
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  })
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
    'server.key': privateKeyPem(keys.privateKey),
    'server.crt': certificate,
    'clients-ca.crt': clientCas,
    'postgresql.conf': settings,
    'pg_hba.conf': 'local all postgres trust\nhostssl all all 127.0.0.1/32 cert\n',
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(data, name), text, { mode: 0o600 })
    own(join(data, name))
  }

  let server: ChildProcess | undefined
  const sql = (text: string, database = 'postgres'): string =>
    execFileSync(join(bin, 'psql'), ['-h', folder, '-p', String(port), '-U', 'postgres', '-XAtqc', text, database], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim()
  const stop = async (how: 'fast' | 'immediate' = 'fast'): Promise<void> => {
    const running = server
    server = undefined
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const ended = new Promise(resolve => running.once('exit', resolve))
    running.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await ended
  }
  return {
    port,
    serverCa: ca.cert,
    sql,
    stop,
    async start() {
      server = spawn(join(bin, 'postgres'), ['-D', data], { ...as, cwd: folder, stdio: 'ignore' })
      for (let tries = 1; ; tries++) {
        try {
          sql('select 1')
          return
        } catch (thrown) {
          if (tries === 100) throw thrown
          await sleep(50)
        }
      }
    },
    async remove() {
      await stop('immediate')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
