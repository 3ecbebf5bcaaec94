import type { Duplex } from 'node:stream'
import type { Log } from '../../log/log.ts'
import { decodeIdentity } from '../../wire/identity.ts'
import { mayUseDatabase } from '../auth/access.ts'
import type { Auth } from '../auth/auth.ts'
import { closeGently } from '../router/close-gently.ts'
import { serveTls } from '../router/tls-server.ts'
import { BackendCredentialCache } from './backend-credentials.ts'
import { announcedServer, type AgentHost, type DatabaseResource } from './database-resource.ts'
import { receiveSession, type ServesStreams, type Session } from './dial-agent.ts'
import type { AgentSession } from './engines/engine.ts'
import { ENGINES } from './engines/engines.ts'
import { DENIED, Refusal, refusalOf } from './refusal.ts'

const HANDSHAKE_MS = 10_000
/** Teleport: about every 5 min, kept for 10. wire/database.md 7 */
const HEARTBEAT_MS = 5 * 60_000
const ANNOUNCED_MS = 10 * 60_000

/** What an agent asks of its cluster's auth service: in its own process, or over a reverse tunnel. */
export type AgentAuth = Pick<Auth, 'trustedCas' | 'hostKeyPair' | 'rolesOf' | 'announce' | 'generateDatabaseCert'>

interface AgentOptions {
  readonly auth: AgentAuth
  readonly host: AgentHost
  readonly databases: readonly DatabaseResource[]
  readonly log: Log
  readonly now?: () => number
}

export interface Agent extends ServesStreams {
  /** Tells the cluster again what is served here. @throws PorticoError */
  announce(): Promise<void>
  /** Ends the heartbeats and every session. Idempotent. */
  close(): void
}

/**
 * The database agent: ends the proxy's TLS hop, and serves each session by the engine of its database's protocol.
 * Announces its databases before it resolves. Teleport: lib/srv/db/server.go; wire/database.md 7
 */
export async function openAgent({ auth, host, databases, log, now = Date.now }: AgentOptions): Promise<Agent> {
  const keyPair = await auth.hostKeyPair('Db', host.hostId, host.hostname, [host.hostname, 'localhost', '127.0.0.1', '::1'])
  const credentials = new BackendCredentialCache(auth, now)
  const byName = new Map(databases.map(database => [database.name, database]))
  const open = new Set<Duplex>()
  /** What databases said they are, by name. */
  const versions = new Map<string, string>()

  function keep(stream: Duplex): void {
    open.add(stream)
    stream.once('close', () => open.delete(stream))
  }

  type Access = Pick<AgentSession, 'identity' | 'route' | 'database'>

  function sessionOf({ client, opening, greeted }: Session, access: Access): AgentSession {
    const { identity, database } = access
    return {
      client,
      opening,
      greeted,
      ...access,
      async check(databaseUser, databaseName) {
        const roles = await auth.rolesOf(identity)
        if (!mayUseDatabase(roles, announcedServer(database, host, now()), databaseUser, databaseName)) throw new Refusal(DENIED)
      },
      credentials: databaseUser => credentials.get(databaseUser, database.tls.caCert),
      keep,
      tellVersion: version => learn(database, version),
      log,
      now,
    }
  }

  async function serveClient(stream: Duplex): Promise<void> {
    const {
      stream: secure,
      identity,
      peerCertificate,
    } = await serveTls(stream, {
      keyPair,
      // Proxies of the cluster, and of those that it is a leaf of.
      clientCas: auth.trustedCas('db').flatMap(ca => ca.tls),
      clientCertificate: 'required',
      deadlineMs: HANDSHAKE_MS,
      now,
    })
    const session = await receiveSession(stream, secure)
    const { client } = session
    const route = identity?.routeToDatabase
    const database = route && byName.get(route.ServiceName)
    if (identity === undefined || route === undefined || database === undefined) return closeGently(client)
    // An authority speaks for the users of its own cluster only.
    if (peerCertificate === undefined || decodeIdentity(peerCertificate).issuer !== identity.teleportCluster) return closeGently(client)
    const engine = ENGINES[database.dbProtocol]
    if (engine === undefined) return closeGently(client)
    try {
      await engine.serve(sessionOf(session, { identity, route, database }))
    } catch (thrown) {
      const refusal = refusalOf(thrown)
      if (refusal.message === 'internal error') log.error('agent.failed', { database: database.name }, thrown)
      log.info('agent.refused', { user: identity.username, database: database.name, why: refusal.message })
      await engine.refuse(client, refusal)
    }
  }

  const announceOne = (database: DatabaseResource): Promise<void> =>
    auth.announce(announcedServer(database, host, now() + ANNOUNCED_MS, versions.get(database.name)))

  async function announce(): Promise<void> {
    for (const database of databases) await announceOne(database)
  }

  function learn(database: DatabaseResource, version: string): void {
    if (version === versions.get(database.name)) return
    versions.set(database.name, version)
    announceOne(database).catch((thrown: unknown) => log.warn('agent.announce', { database: database.name }, thrown))
  }

  /** In the background: a database that is away must not keep an agent from its others. */
  function askVersions(): void {
    for (const database of databases) {
      const ask = ENGINES[database.dbProtocol]?.version
      if (ask === undefined || database.mysqlVersion !== undefined || versions.has(database.name)) continue
      ask(database).then(
        version => learn(database, version),
        (thrown: unknown) => log.info('agent.no-version', { database: database.name, why: refusalOf(thrown).message }),
      )
    }
  }

  await announce()
  askVersions()
  const heartbeat = setInterval(() => {
    announce().catch((thrown: unknown) => log.warn('agent.heartbeat', { hostId: host.hostId }, thrown))
    askVersions()
  }, HEARTBEAT_MS).unref()

  return {
    hostId: host.hostId,
    announce,
    serve(stream) {
      keep(stream)
      serveClient(stream).catch((thrown: unknown) => {
        log.debug('agent.hop', {}, thrown)
        stream.destroy()
      })
    },
    close() {
      clearInterval(heartbeat)
      for (const stream of open) stream.destroy()
    },
  }
}
