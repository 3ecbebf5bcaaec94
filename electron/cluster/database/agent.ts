import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Log } from '../../log/log.ts'
import { decodeIdentity, type Identity, type RouteToDatabase } from '../../wire/identity.ts'
import { mayUseDatabase } from '../auth/access.ts'
import type { Auth } from '../auth/auth.ts'
import { closeGently } from '../router/close-gently.ts'
import { serveTls } from '../router/tls-server.ts'
import { BackendCredentialCache } from './backend-credentials.ts'
import { announcedServer, type AgentHost, type DatabaseResource } from './database-resource.ts'
import { receiveSession, type ServesStreams } from './dial-agent.ts'
import { dialPostgres, startSession } from './postgres-backend.ts'
import { DENIED, Refusal, refusalOf, refusePostgres } from './refusal.ts'
import { splice } from './splice.ts'

const HANDSHAKE_MS = 10_000
/** The database ends the connection of a cancel request itself; this is for one that does not. */
const CANCEL_MS = 10_000
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

interface Access {
  readonly identity: Identity
  readonly route: RouteToDatabase
  readonly database: DatabaseResource
}

/**
 * The database agent: ends the proxy's TLS hop, checks what the roles allow, and logs in to the real database.
 * Announces its databases before it resolves. Teleport: lib/srv/db/server.go, lib/srv/db/postgres/engine.go; wire/database.md 4.3, 7
 */
export async function openAgent({ auth, host, databases, log, now = Date.now }: AgentOptions): Promise<Agent> {
  const keyPair = await auth.hostKeyPair('Db', host.hostId, host.hostname, [host.hostname, 'localhost', '127.0.0.1', '::1'])
  const credentials = new BackendCredentialCache(auth, now)
  const byName = new Map(databases.map(database => [database.name, database]))
  const open = new Set<Duplex>()

  /** @throws Refusal */
  async function check({ identity, database }: Access, databaseUser: string, databaseName: string): Promise<void> {
    const roles = await auth.rolesOf(identity)
    // CockroachDB is checked by user only. wire/database.md 8
    const name = database.dbProtocol === 'postgres' ? databaseName : undefined
    if (!mayUseDatabase(roles, announcedServer(database, host, now()), databaseUser, name)) throw new Refusal(DENIED)
  }

  async function dial({ database }: Access, databaseUser: string): Promise<TLSSocket> {
    const server = await dialPostgres(database, await credentials.get(databaseUser, database.tls.caCert))
    open.add(server)
    server.once('close', () => open.delete(server))
    return server
  }

  async function serveSession(client: Duplex, access: Access, asked: ReadonlyMap<string, string>): Promise<void> {
    const databaseUser = asked.get('user') || access.route.Username
    const databaseName = asked.get('database') || access.route.Database
    // Without a name PostgreSQL takes the user's: that one has to be allowed then.
    await check(access, databaseUser, databaseName || databaseUser)
    const parameters = new Map(asked).set('user', databaseUser)
    if (databaseName === '') parameters.delete('database')
    else parameters.set('database', databaseName)
    const server = await dial(access, databaseUser)
    try {
      client.write(await startSession(server, parameters))
    } catch (thrown) {
      server.destroy()
      throw thrown
    }
    log.debug('agent.session', { user: access.identity.username, database: access.database.name, databaseUser, databaseName })
    await splice(client, server)
  }

  /** Never a reply: the client learns from the cancelled session. */
  async function serveCancel(client: Duplex, access: Access, request: Buffer): Promise<void> {
    const { Username, Database } = access.route
    await check(access, Username, Database || Username)
    const server = await dial(access, Username)
    const ended = new Promise<void>(resolve => server.once('close', () => resolve()))
    const cut = setTimeout(() => server.destroy(), CANCEL_MS)
    server.once('end', () => server.end())
    server.write(request)
    server.resume()
    await ended
    clearTimeout(cut)
    await closeGently(client)
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
    const { client, opening } = await receiveSession(stream, secure)
    const route = identity?.routeToDatabase
    const database = route && byName.get(route.ServiceName)
    if (identity === undefined || route === undefined || database === undefined) return closeGently(client)
    // An authority speaks for the users of its own cluster only.
    if (peerCertificate === undefined || decodeIdentity(peerCertificate).issuer !== identity.teleportCluster) return closeGently(client)
    const access = { identity, route, database }
    try {
      if (opening?.packet.kind === 'startup') await serveSession(client, access, opening.packet.parameters)
      else if (opening?.packet.kind === 'cancel') await serveCancel(client, access, opening.raw)
      else await closeGently(client)
    } catch (thrown) {
      const refusal = refusalOf(thrown)
      if (refusal.message === 'internal error') log.error('agent.failed', { database: database.name }, thrown)
      log.info('agent.refused', { user: identity.username, database: database.name, why: refusal.message })
      await refusePostgres(client, refusal)
    }
  }

  async function announce(): Promise<void> {
    for (const database of databases) await auth.announce(announcedServer(database, host, now() + ANNOUNCED_MS))
  }

  await announce()
  const heartbeat = setInterval(() => {
    announce().catch((thrown: unknown) => log.warn('agent.heartbeat', { hostId: host.hostId }, thrown))
  }, HEARTBEAT_MS).unref()

  return {
    hostId: host.hostId,
    announce,
    serve(stream) {
      open.add(stream)
      stream.once('close', () => open.delete(stream))
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
