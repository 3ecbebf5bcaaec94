import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import { parseSshKey } from '../../wire/ssh-keys.ts'
import { openAuthClient } from '../auth/auth-client.ts'
import { openAgent, type Agent } from '../database/agent.ts'
import { openInMemory } from '../database/dial-agent.ts'
import type { DatabaseResource } from '../database/database-resource.ts'
import { openAgentPool } from '../reverse-tunnel/agent-pool.ts'
import { LOCAL_NODE, REMOTE_AUTH, serverIdOf } from '../reverse-tunnel/names.ts'
import { hostIdOf } from '../storage/host-id.ts'
import { openRouterDialler } from './dial-router.ts'
import { readAnnounced, readHostIdentity, signerOf, writeAnnounced, writeHostIdentity, type HostIdentity } from './host-identity.ts'
import { joinCluster } from './join-cluster.ts'
import { openRemoteAuth, type RemoteAuth } from './remote-auth.ts'
import { TOO_MANY, webRoots } from './web-post.ts'

export interface StartAgentOptions {
  readonly dataDir: string
  readonly nodename: string
  /** The cluster's proxy: one is enough, discovery names the others. */
  readonly proxy: Address
  /** Asked for the first join only. */
  readonly token: () => Promise<string | undefined>
  readonly caPins: readonly string[]
  /** PEM, besides the public roots and those of SSL_CERT_FILE. */
  readonly extraRoots?: readonly string[]
  readonly databases: readonly DatabaseResource[]
  readonly log: Log
  readonly signal?: AbortSignal | undefined
  readonly now?: () => number
}

export interface JoinedAgent {
  readonly hostId: string
  readonly clusterName: string
  /** Host ids of the routers that are connected. */
  proxies(): readonly string[]
  /** Idempotent. */
  close(): Promise<void>
}

const ROLE = 'Db'
/** How often authorities are read again: a new leaf's or root's counts by then, ms. */
const REFRESH_MS = 60_000
/** A start that does not get through is tried again, ms. */
const AGAIN_MS = 1_000

/**
 * Runs a database service that belongs to a cluster elsewhere: joins it once, keeps a tunnel to each of its routers, announces its
 * databases. Resolves when they are announced.
 * @throws PorticoError access/denied, proxy/…, cluster/config, app/cancelled
 */
export async function startAgent(options: StartAgentOptions): Promise<JoinedAgent> {
  const { dataDir, nodename, proxy, databases, log, signal, now = Date.now } = options
  const roots = await webRoots(options.extraRoots ?? [])
  const identity = (await readHostIdentity(dataDir, ROLE)) ?? (await join(options, roots))
  const { hostId, cluster, hostCa } = identity
  const hostKeys = hostCa.ssh.map(parseSshKey)
  const dialRouter = openRouterDialler(roots)
  const keyPair = { key: identity.key, cert: identity.certificates.tls }
  let agent: Agent | undefined

  const pool = openAgentPool({
    identity: { serverId: serverIdOf(hostId, cluster), signer: signerOf(identity) },
    hostCas: () => hostKeys,
    cluster,
    connect: connecting => dialRouter(proxy, connecting),
    async dial({ address }) {
      if (address !== LOCAL_NODE || agent === undefined)
        throw new PorticoError('proxy/unreachable', { why: `${address || 'that'} is not served here` })
      return { stream: openInMemory(agent, false), byTunnel: false }
    },
    // Whoever was away may have lost its records meanwhile.
    onUp: () => void agent?.announce().catch((thrown: unknown) => log.warn('agent.announce', {}, thrown)),
    log,
    now,
  })
  const client = openAuthClient({
    dial: () => pool.open({ address: REMOTE_AUTH, serverId: '', connectionType: 'node', clientSource: '', clientDestination: '' }),
    ownCluster: cluster,
    keyPair: () => keyPair,
    roots: () => hostCa.tls,
    now,
  })
  const auth = openRemoteAuth({ client, clusterName: cluster, keyPair, now })
  const refreshing = setInterval(() => {
    auth.refresh().catch((thrown: unknown) => log.warn('agent.refresh', {}, thrown))
  }, REFRESH_MS).unref()
  const close = async (): Promise<void> => {
    clearInterval(refreshing)
    agent?.close()
    client.close()
    pool.close()
  }
  try {
    agent = await untilReached(async () => {
      await auth.refresh()
      await withdrawOld(dataDir, hostId, databases, auth)
      return openAgent({ auth, host: { hostId, hostname: nodename }, databases, log, now })
    }, options)
  } catch (thrown) {
    await close()
    throw thrown
  }
  signal?.throwIfAborted()
  log.info('agent.ready', { cluster, hostId, proxy: formatAddress(proxy), databases: databases.map(({ name }) => name) })
  return { hostId, clusterName: cluster, proxies: () => pool.proxies(), close }
}

/** A database that the configuration names no longer would stay listed for as long as its host is here. */
async function withdrawOld(dataDir: string, hostId: string, databases: readonly DatabaseResource[], auth: RemoteAuth): Promise<void> {
  const names = databases.map(({ name }) => name)
  for (const name of await readAnnounced(dataDir)) if (!names.includes(name)) await auth.withdraw(hostId, name)
  await writeAnnounced(dataDir, names)
}

async function join(options: StartAgentOptions, roots: readonly string[]): Promise<HostIdentity> {
  const { dataDir, nodename, proxy, token, caPins, signal, log } = options
  const secret = await token()
  if (secret === undefined) throw new PorticoError('cluster/config', { why: 'a token is needed to join the cluster' })
  const hostId = await hostIdOf(dataDir, undefined)
  const work = (): Promise<HostIdentity> => joinCluster({ proxy, token: secret, role: ROLE, hostId, nodename, caPins, roots, signal })
  // A wrong address is told at once; where many join at the same time, each has its turn.
  const identity = await untilReached(work, options, ({ facts }) => facts['status'] === TOO_MANY)
  await writeHostIdentity(dataDir, identity)
  log.info('agent.joined', { cluster: identity.cluster, hostId })
  return identity
}

/** The cluster may be down when an agent starts: it waits for it. */
async function untilReached<T>(
  work: () => Promise<T>,
  { signal, log }: StartAgentOptions,
  mayPass: (refused: PorticoError) => boolean = ({ code }) => code === 'proxy/unreachable',
): Promise<T> {
  for (;;) {
    if (signal?.aborted === true) throw new PorticoError('app/cancelled')
    try {
      return await work()
    } catch (thrown) {
      if (!(thrown instanceof PorticoError) || !mayPass(thrown)) throw thrown
      log.debug('agent.waiting', {}, thrown)
    }
    await new Promise<void>(resolve => {
      const go = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', go)
        resolve()
      }
      // Not all at the same time.
      const timer = setTimeout(go, AGAIN_MS * (1 + Math.random()))
      signal?.addEventListener('abort', go, { once: true })
    })
  }
}
