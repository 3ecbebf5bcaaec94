import { chmod, lstat, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { LAB_CLUSTER } from '../../../shared/lab.ts'
import type { Log } from '../../log/log.ts'
import type { SecondFactor } from '../auth/auth.ts'
import { loadConfig } from '../config/load-config.ts'
import type { Cluster } from '../open-cluster.ts'
import { startCluster } from '../start-cluster.ts'
import { unprivilegedAccount } from './account.ts'
import { freePort, freePorts } from './free-ports.ts'
import { labConfig } from './lab-config.ts'
import { byName, mongoDatabase, postgresDatabases, type LabDatabase } from './lab-databases.ts'
import { labTokens, startLeaf, startSecondAgent } from './lab-full.ts'
import { lockLab } from './lab-lock.ts'
import type { LabPart } from './lab-part.ts'
import { openParts, partsHere } from './lab-parts.ts'
import { labUsers, type LabUser } from './lab-users.ts'
import { makePostgresFolder, postgresFolder, removeAbandonedFolders } from './postgres-folder.ts'
import { startPostgres, stopLeftover, type PostgresServer } from './postgres-server.ts'
import { preparePrograms } from './programs.ts'
import { seedPostgres } from './seed-postgres.ts'

export const LAB_LISTEN: Address = { host: '127.0.0.1', port: 3480 }

export interface StartLabOptions {
  /** The lab's own folder: passwords, cluster state, data. Made when missing. */
  readonly home: string
  /** Port 0 = any. Absent: LAB_LISTEN, or any free port where that one is taken. */
  readonly listen?: Address | undefined
  readonly secondFactor?: SecondFactor
  /** The longest login, ms; default 12 h. */
  readonly certTtlMs?: number
  /** A temporary folder instead of `home`, removed at the end. */
  readonly ephemeral?: boolean
  /** A second agent and a leaf cluster besides. */
  readonly full?: boolean
  /** A MongoDB to announce besides. */
  readonly mongo?: string | undefined
  /** Other servers to take along; default: those that this system has. */
  readonly parts?: readonly LabPart[]
  readonly log: Log
  /** One line for people per step. */
  readonly onProgress?: (step: string) => void
  readonly signal?: AbortSignal | undefined
}

/** The ready line of `portico lab`. cli.md, "Lab and cluster" */
export interface LabReady {
  /** host:port */
  readonly proxy: string
  readonly cluster: string
  readonly caFile: string
  readonly users: readonly {
    readonly name: string
    readonly password: string
    readonly otpSecret: string | null
    readonly roles: readonly string[]
  }[]
  readonly user: string
  readonly password: string
  readonly databases: readonly string[]
  readonly nodes: readonly string[]
  readonly kubeClusters: readonly string[]
  readonly apps: readonly string[]
  readonly leaves: readonly string[]
}

export interface Lab extends LabReady {
  /** For tests and for whoever runs the lab in its own process. */
  readonly running: Cluster
  /** Only of a full lab. */
  readonly leaf: Cluster | undefined
  readonly postgres: PostgresServer
  /** Drains open connections for `drainMs`, stops everything. Idempotent. */
  close(drainMs?: number): Promise<void>
}

const TWELVE_HOURS_MS = 12 * 3_600_000
/** The server certificate is made at each start; this only has to outlive a lab that is never stopped. */
const SERVER_CERTIFICATE_MS = 365 * 86_400_000

const LOCK = 'lab.lock'
/** The ready line (0600) for other processes of this home, while the lab runs. */
const READY = 'ready.json'

/**
 * Starts the seeded cluster: a generated `portico.yaml` through the real loader, with an embedded PostgreSQL behind it.
 * @throws PorticoError `lab/running` (facts.pid), `lab/failed`, `cluster/config`, `app/cancelled`
 */
export async function startLab(options: StartLabOptions): Promise<Lab> {
  const { ephemeral = false, log, signal } = options
  const home = ephemeral ? await mkdtemp(join(tmpdir(), 'portico-lab-')) : options.home
  await mkdir(home, { recursive: true, mode: 0o700 })
  await chmod(home, 0o700)
  const closers: ((drainMs: number) => unknown)[] = []
  const close = async (drainMs: number): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer(drainMs)
  }
  try {
    const unlock = await lockLab(join(home, LOCK), home)
    closers.push(unlock)
    return await openLab(home, options, closers, close)
  } catch (thrown) {
    await close(0)
    if (ephemeral) await rm(home, { recursive: true, force: true })
    const error = signal?.aborted === true ? new PorticoError('app/cancelled', {}, thrown) : thrown
    if (!(error instanceof PorticoError))
      throw new PorticoError('lab/failed', { why: error instanceof Error ? error.message : 'unknown' }, error)
    log.info('lab.failed', { code: error.code })
    throw error
  }
}

/** The cluster tells it in its configuration's words; the listener's are behind them. */
function isPortTaken(thrown: unknown): boolean {
  const { facts, cause } = PorticoError.from(thrown)
  return facts['why'] === 'EADDRINUSE' || (cause instanceof PorticoError && cause.facts['why'] === 'EADDRINUSE')
}

async function openLab(
  home: string,
  options: StartLabOptions,
  closers: ((drainMs: number) => unknown)[],
  close: (drainMs: number) => Promise<void>,
): Promise<Lab> {
  const {
    listen,
    secondFactor = 'off',
    certTtlMs = TWELVE_HOURS_MS,
    ephemeral = false,
    full = false,
    mongo,
    parts = partsHere(),
    log,
    onProgress = () => {},
    signal,
  } = options
  const account = unprivilegedAccount()
  const folder = await postgresFolder(home, account)
  if (ephemeral) closers.push(() => Promise.all([home, folder].map(path => rm(path, { recursive: true, force: true }))))
  await makePostgresFolder(folder, home, account)
  await removeAbandonedFolders(account)
  const users = await labUsers(join(home, 'users'))
  onProgress('Preparing PostgreSQL')
  const programs = await preparePrograms(account, folder)
  // The cluster's keys are made meanwhile; the server needs both.
  const seeded = seedPostgres({ programs, account, folder, onProgress, signal })
  closers.push(() => seeded.catch(() => {}))
  const [postgresPort, ...ports] = (await freePorts(1 + parts.length)) as [number, ...number[]]
  const others = openParts({ parts, ports, account, folder, log, onProgress, signal })
  closers.push(() => others.seeded)
  const own = [...postgresDatabases(postgresPort), ...others.databases].toSorted(byName)
  const databases = mongo === undefined ? own : [...own, mongoDatabase(mongo)].toSorted(byName)
  const tokens = full ? await labTokens(home) : undefined
  const file = join(home, 'portico.yaml')
  let postgres: PostgresServer | undefined
  let leaf: Cluster | undefined
  const begin = async (address: Address): Promise<Cluster> => {
    const dataDir = join(home, 'cluster')
    await writeFile(file, labConfig({ listen: address, dataDir, secondFactor, certTtlMs, databases, users, tokens }), { mode: 0o600 })
    return startCluster(loadConfig(file), {
      log,
      ...(signal === undefined ? {} : { signal }),
      async prepare(auth) {
        const data = await seeded
        if (postgres !== undefined) return
        onProgress('Starting PostgreSQL')
        const signed = await auth.signDatabaseServer(['localhost', '127.0.0.1'], SERVER_CERTIFICATE_MS)
        if (tokens !== undefined) {
          const rootCaFile = join(dataDir, 'web', 'web-ca.pem')
          const started = await startLeaf({ home, root: address, rootCaFile, tokens, postgresPort, serverCas: signed.caCerts, log, signal })
          closers.push(drainMs => started.close(drainMs))
          leaf = started
        }
        // The leaf's agent signs in with a certificate of its own cluster.
        const certificate = { ...signed, caCerts: [...signed.caCerts, ...(leaf?.auth.ca('db').tls ?? [])] }
        const besides = others.start(certificate)
        closers.push(async () => Promise.all((await besides).map(other => other.stop())))
        const server = await startPostgres({ programs, account, data, port: postgresPort, certificate, log })
        closers.push(() => server.stop())
        await besides
        postgres = server
      },
    })
  }
  const wanted = listen ?? { ...LAB_LISTEN, port: await freePort(LAB_LISTEN.port) }
  // A leaf has to be told the port before it is bound.
  const address = full && wanted.port === 0 ? { ...wanted, port: await freePort(0) } : wanted
  const running = await begin(address).catch((thrown: unknown) => {
    // Somebody took the usual port while PostgreSQL started.
    if (listen !== undefined || full || !isPortTaken(thrown)) throw thrown
    return begin({ ...LAB_LISTEN, port: 0 })
  })
  closers.push(drainMs => running.close(drainMs))
  if (postgres === undefined) throw new PorticoError('app/bug', { why: 'the lab has no database server' })

  if (tokens !== undefined) {
    onProgress('Starting the second agent')
    const agent = await startSecondAgent({ home, proxy: running.address, caFile: running.caFile, tokens, databases: own, log, signal })
    closers.push(() => agent.close())
  }
  const ready = readyLine(running, users, databases, secondFactor, leaf === undefined ? [] : [leaf.clusterName])
  const readyFile = join(home, READY)
  await writeFile(readyFile, `${JSON.stringify({ event: 'ready', ...ready })}\n`, { mode: 0o600 })
  closers.push(() => rm(readyFile, { force: true }))
  let closing: Promise<void> | undefined
  // A database that is down is told to those who connect; the lab itself goes on.
  void postgres.ended.then(() => closing ?? log.warn('lab.postgres-ended'))
  return { ...ready, running, leaf, postgres, close: (drainMs = 4_000) => (closing ??= close(drainMs)) }
}

function readyLine(
  running: Cluster,
  users: readonly LabUser[],
  databases: readonly LabDatabase[],
  secondFactor: SecondFactor,
  leaves: readonly string[],
): LabReady {
  const [first] = users
  return {
    proxy: formatAddress({ host: 'localhost', port: running.address.port }),
    cluster: LAB_CLUSTER,
    caFile: running.caFile,
    users: users.map(({ name, password, otpSecret, roles }) => ({
      name,
      password,
      otpSecret: secondFactor === 'otp' ? otpSecret : null,
      roles,
    })),
    user: first?.name ?? '',
    password: first?.password ?? '',
    databases: databases.map(({ name }) => name),
    nodes: [],
    kubeClusters: [],
    apps: [],
    leaves,
  }
}

/**
 * Removes a lab with its data, users and authorities: the next start makes it anew.
 * @throws PorticoError `lab/running`
 */
export async function resetLab(home: string): Promise<void> {
  if (
    await lstat(home).then(
      () => false,
      () => true,
    )
  )
    return
  const unlock = await lockLab(join(home, LOCK), home)
  try {
    const account = unprivilegedAccount()
    const folder = await postgresFolder(home, account)
    const data = join(folder, 'data')
    if (
      await lstat(join(data, 'postmaster.pid')).then(
        () => true,
        () => false,
      )
    ) {
      await stopLeftover({ programs: await preparePrograms(account, folder), account, data })
    }
    await rm(folder, { recursive: true, force: true })
    await rm(home, { recursive: true, force: true })
  } finally {
    await unlock()
  }
}
