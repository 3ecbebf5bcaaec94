import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { expect } from 'vitest'
import { stringify } from 'yaml'
import { totpCode } from '../../../electron/wire/totp.ts'
import { Portico, type Staying } from '../cli/portico.ts'
import { POSTGRES_BIN, systemPostgres, type SystemPostgres } from './postgres.ts'
import { freePort } from '../../kit/free-port.ts'

const PASSWORD = 'secret-enough'

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface Tunnel {
  readonly staying: Staying
  /** The line of `open`. */
  readonly open: any
  /** For libpq: host, port, user, database. */
  readonly env: Readonly<Record<string, string>>
  end(): Promise<void>
}

/** A database server of the system, our cluster before it, alice signed in: everything as a user runs it. */
export interface WorldOf<B> {
  readonly backend: B
  readonly portico: Portico
  readonly proxy: string
  /** `portico proxy db NAME --json`, until `end`. */
  tunnel(name: string, ...flags: string[]): Promise<Tunnel>
  /** Starts the cluster again on its port after {@link World.killCluster}. */
  startCluster(): Promise<void>
  killCluster(): Promise<void>
  close(): Promise<void>
}

export interface World extends WorldOf<SystemPostgres> {
  readonly postgres: SystemPostgres
}

export interface Backend {
  /** PEM of the authority of its certificate. */
  readonly serverCa: string
  remove(): Promise<void>
}

export interface WorldOptions<B extends Backend> {
  /** Entries of `db_service.databases`. */
  databases(port: number): readonly object[]
  /** Accounts that alice may use. Default: alice. */
  readonly databaseUsers?: readonly string[]
  /** Base32. With it alice needs a code to sign in, and one for each session with a database. */
  readonly otpSecret?: string
  /** Starts the server. @param clientCas PEM of who signs the accounts' certificates */
  start(port: number, clientCas: string): Promise<B>
}

/** What an administrator gives to a database so that it lets certificates of this cluster in. */
function databaseCa(proxy: string, caFile: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = `https://${proxy}/webapi/auth/export?type=db`
    const asked = request(url, { ca: readFileSync(caFile) }, answer => {
      let text = ''
      answer.setEncoding('utf8').on('data', part => (text += part))
      answer.on('end', () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(text))))
    })
    asked.once('error', reject).end()
  })
}

function configuration(
  portico: Portico,
  port: number,
  databases: readonly object[],
  databaseUsers: readonly string[],
  otpSecret: string | undefined,
): string {
  const otp = otpSecret !== undefined
  if (otp) writeFileSync(join(portico.home, 'otp'), `${otpSecret}\n`, { mode: 0o600 })
  return stringify({
    version: 'v3',
    teleport: { nodename: 'host', data_dir: join(portico.home, 'cluster') },
    auth_service: { enabled: true, cluster_name: 'clients.test', authentication: { type: 'local', second_factor: otp ? 'otp' : 'off' } },
    proxy_service: { enabled: true, web_listen_addr: `127.0.0.1:${port}`, public_addr: 'localhost' },
    db_service: { enabled: true, databases },
    portico: {
      roles: [
        {
          name: 'all',
          options: { require_session_mfa: otp },
          allow: { db_users: databaseUsers, db_names: ['*'], db_labels: { '*': '*' } },
        },
      ],
      users: [
        {
          name: 'alice',
          roles: ['all'],
          logins: [],
          password_file: join(portico.home, 'password'),
          ...(otp ? { otp_secret_file: join(portico.home, 'otp') } : {}),
        },
      ],
    },
  })
}

export async function openWorld(options: Pick<WorldOptions<SystemPostgres>, 'otpSecret'> = {}): Promise<World> {
  const world = await openWorldOf({
    ...options,
    databases: port =>
      ['shop', 'copy'].map(name => ({
        name,
        protocol: 'postgres',
        uri: `localhost:${port}`,
        static_labels: { 'portico/database': name },
        tls: { ca_cert_file: 'server-ca.pem' },
      })),
    async start(port, clientCas) {
      const postgres = await systemPostgres(POSTGRES_BIN!, port, clientCas)
      await postgres.start()
      postgres.sql('create role alice login')
      for (const name of ['shop', 'copy']) postgres.sql(`create database ${name} owner alice`)
      return postgres
    },
  })
  return { ...world, postgres: world.backend }
}

/** The cluster's configuration lies beside `server-ca.pem`, the authority of the server's certificate. */
export async function openWorldOf<B extends Backend>({
  databases,
  databaseUsers = ['alice'],
  otpSecret,
  start,
}: WorldOptions<B>): Promise<WorldOf<B>> {
  const portico = new Portico('portico clients é ')
  const config = join(portico.home, 'portico.yaml')
  const [port, databasePort] = [await freePort(), await freePort()]
  writeFileSync(join(portico.home, 'password'), `${PASSWORD}\n`, { mode: 0o600 })
  // The cluster's authorities are made at its first start; the database's authority is known only after that.
  writeFileSync(join(portico.home, 'server-ca.pem'), '')
  writeFileSync(config, configuration(portico, port, databases(databasePort), databaseUsers, otpSecret))
  let cluster: Staying
  let ready: any
  const startCluster = async (): Promise<void> => {
    cluster = portico.stay(['cluster', 'start', '-c', config, '--json'])
    ready = await cluster.line(line => line.event === 'ready')
  }
  await startCluster()
  const backend = await start(databasePort, await databaseCa(ready.proxy, ready.caFile))
  expect(await cluster!.end()).toBe(0)
  writeFileSync(join(portico.home, 'server-ca.pem'), backend.serverCa)
  await startCluster()
  const login = await portico.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile, '--password-stdin'], {
    input: `${PASSWORD}\n${otpSecret === undefined ? '' : `${totpCode(otpSecret, Date.now())}\n`}`,
  })
  expect(login).toMatchObject({ code: 0 })
  return {
    backend,
    portico,
    proxy: ready.proxy,
    startCluster,
    async killCluster() {
      await cluster.end('SIGKILL')
    },
    async tunnel(name, ...flags) {
      const staying = portico.stay(['proxy', 'db', name, '-p', '0', '--json', ...flags])
      const open = await staying.line(line => line.event === 'open')
      return {
        staying,
        open,
        env: { PGHOST: '127.0.0.1', PGPORT: String(open.address.port), PGUSER: 'alice', PGDATABASE: name },
        async end() {
          expect(await staying.end()).toBe(0)
        },
      }
    },
    async close() {
      await cluster.end()
      await backend.remove()
      portico.remove()
    },
  }
}

/** A program of the system's PostgreSQL, or any other. */
export function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}, input?: string): Promise<Ended> {
  const file = program.includes('/') ? program : join(POSTGRES_BIN ?? '', program)
  const child = spawn(file, [...args], { env: { ...process.env, PGCONNECT_TIMEOUT: '20', ...env } })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', part => out.push(part))
  child.stderr.on('data', part => err.push(part))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code: code ?? -1, out: String(Buffer.concat(out)), err: String(Buffer.concat(err)) }))
  })
}

export const psql = (tunnel: Tunnel, text: string): Promise<Ended> => run('psql', ['-XAtqc', text], tunnel.env)

/** @returns what `look` found; throws after `ms` */
export async function eventually<T>(look: () => T | undefined | false | Promise<T | undefined | false>, ms = 10_000): Promise<T> {
  const end = Date.now() + ms
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error('it did not happen in time')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
