import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatAddress, parseAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import { openAuthGrpc, type AuthGrpc } from './auth/grpc-server.ts'
import { openAuth, type OpenAuth } from './auth/open-auth.ts'
import type { ClusterConfig, SeedUser } from './config/cluster-config.ts'
import { readWebCertificate, selfSignedWebCertificate } from './config/web-certificate.ts'
import { openAgent } from './database/agent.ts'
import { dialLocalAgents } from './database/dial-agent.ts'
import { openDatabaseProxy } from './database/proxy-service.ts'
import { openRouter } from './router/router.ts'
import { openFileStorage } from './storage/file-storage.ts'
import type { Storage } from './storage/storage.ts'
import { openWebApi } from './web/web-api.ts'

interface StartClusterOptions {
  readonly log: Log
  readonly signal?: AbortSignal
  readonly now?: () => number
  /** Runs when the auth service is open and before anything listens: what it adds is there from the first connection on. */
  readonly prepare?: (auth: OpenAuth) => Promise<void>
}

export interface Cluster {
  readonly address: Address
  readonly clusterName: string
  /** PEM file that a client trusts for the web certificate. */
  readonly caFile: string
  readonly auth: OpenAuth
  /** Refuses new connections at once, gives open ones `drainMs`, then cuts them. Idempotent. */
  close(drainMs?: number): Promise<void>
}

/** Names under which a cluster on this machine is reached. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'] as const

/** What was opened, closed in reverse order. */
class Opened {
  readonly #closers: (() => unknown)[] = []

  add(close: () => unknown): void {
    this.#closers.push(close)
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).toReversed()) await close()
  }
}

/** The id of this host, which certificates and announcements carry: made once, kept. */
async function hostIdOf(storage: Storage): Promise<string> {
  const known = await storage.get('host-id')
  if (typeof known?.value === 'string') return known.value
  return (await storage.put('host-id', randomUUID())).value as string
}

async function firstLine(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0]!.trim()
  } catch (thrown) {
    throw new PorticoError('cluster/config', { file, why: `${file} cannot be read` }, thrown)
  }
}

/** Users that exist stay as they are: their passwords are theirs. */
async function seedUser(auth: OpenAuth, { name, roles, logins, passwordFile, otpSecretFile }: SeedUser): Promise<void> {
  if ((await auth.user(name)) !== undefined) return
  await auth.createUser({
    name,
    roles,
    traits: { logins },
    password: await firstLine(passwordFile),
    ...(otpSecretFile === undefined ? {} : { totpSecret: await firstLine(otpSecretFile) }),
  })
}

/**
 * Runs a whole cluster in this process: storage, auth, router, web API, database proxy and its agent.
 * @throws PorticoError `cluster/config`, `app/cancelled`
 */
export async function startCluster(config: ClusterConfig, options: StartClusterOptions): Promise<Cluster> {
  const { log, signal, now = Date.now } = options
  const opened = new Opened()
  try {
    return await compose(config, { ...options, now }, opened)
  } catch (thrown) {
    await opened.close()
    if (signal?.aborted === true) throw new PorticoError('app/cancelled', {}, thrown)
    log.error('cluster.failed', { cluster: config.clusterName }, thrown)
    throw thrown
  }
}

async function compose(
  config: ClusterConfig,
  options: StartClusterOptions & { readonly now: () => number },
  opened: Opened,
): Promise<Cluster> {
  const { log, signal, now, prepare } = options
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  await chmod(config.dataDir, 0o700)
  const storage = await openFileStorage(join(config.dataDir, 'storage'))
  opened.add(() => storage.close())
  const auth = await openAuth({ clusterName: config.clusterName, storage, secondFactor: config.secondFactor, log, now })
  opened.add(() => auth.close())
  for (const role of config.roles) await auth.createRole(role)
  await Promise.all(config.users.map(user => seedUser(auth, user)))
  await prepare?.(auth)
  signal?.throwIfAborted()

  const hostId = await hostIdOf(storage)
  const configuredNames = config.publicNames.map(name => parseAddress(name, config.listen.port === 0 ? 1 : config.listen.port)!)
  const hosts = [...new Set([...configuredNames.map(({ host }) => host), ...OWN_NAMES])]
  const web =
    config.webKeyPair === undefined
      ? await selfSignedWebCertificate(join(config.dataDir, 'web'), config.clusterName, hosts, now())
      : await readWebCertificate(config.webKeyPair.keyFile, config.webKeyPair.certFile)
  const hostKeyPair = await auth.hostKeyPair('Proxy', hostId, config.nodename, hosts)
  const authKeyPair = await auth.hostKeyPair('Auth', hostId, config.nodename, hosts)
  const agent = await openAgent({ auth, host: { hostId, hostname: config.nodename }, databases: config.databases, log, now })
  opened.add(() => agent.close())

  let address = config.listen
  const publicAddresses = (): readonly Address[] => {
    const named = config.publicNames.map(name => parseAddress(name, address.port)!)
    return named.length > 0 ? named : [{ host: 'localhost', port: address.port }]
  }
  const webApi = openWebApi({ auth, listen: () => address, publicAddresses, log, now })
  opened.add(() => webApi.close())
  const database = openDatabaseProxy({ auth, hostKeyPair: () => hostKeyPair, dialAgent: dialLocalAgents(() => [agent]), log, now })
  const clientCas = (): readonly string[] => [...auth.ca('host').tls, ...auth.ca('user').tls]
  signal?.throwIfAborted()
  // Opened when the port is known; no connection can come before that.
  const late: { grpc?: AuthGrpc } = {}
  const router = await openRouter({
    listen: config.listen,
    clusterName: config.clusterName,
    webKeyPair: () => web.keyPair,
    hostKeyPair: () => hostKeyPair,
    clientCas,
    handlers: {
      web: webApi.serve,
      auth: (stream, handshake) => late.grpc?.serve(stream, handshake),
      postgres: database.postgres,
      database: database.database,
    },
    log,
    now,
  })
  address = router.address
  const grpc = openAuthGrpc({
    auth,
    hostKeyPair: () => authKeyPair,
    clientCas,
    log,
    publicAddress: formatAddress(publicAddresses()[0] ?? address),
    now,
  })
  late.grpc = grpc
  let closing: Promise<void> | undefined
  const close = async (drainMs: number): Promise<void> => {
    const drained = router.close(drainMs)
    // Sessions that only wait for the next call would take all of that time.
    webApi.close()
    await grpc.close(Math.min(drainMs, 1_000))
    await drained
    await opened.close()
  }
  return {
    address,
    clusterName: config.clusterName,
    caFile: web.caFile,
    auth,
    close: (drainMs = 5_000) => (closing ??= close(drainMs)),
  }
}
