import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import { versionFromAlpn } from '../../wire/mysql.ts'
import type { Auth, KeyPair } from '../auth/auth.ts'
import { closeGently } from '../router/close-gently.ts'
import type { Handler, Handshake } from '../router/route.ts'
import { serveTls } from '../router/tls-server.ts'
import { authorise, type AuthorisedRoute } from './authorise.ts'
import { secureHop, type DatabaseSite, type DialAgent, type Hop } from './dial-agent.ts'
import { readOpeningPacket, type OpeningPacket } from './first-packet.ts'
import { HopCredentialCache } from './hop-credentials.ts'
import { DEFAULT_MYSQL_VERSION, serveMysql, type MysqlEntry } from './mysql-service.ts'
import { MysqlThreads } from './mysql-threads.ts'
import { NO_AGENT, Refusal, refusalOf, refusePostgres } from './refusal.ts'

const INNER_HANDSHAKE_MS = 5_000

interface DatabaseProxyOptions {
  readonly auth: Auth
  /** The proxy's host certificate: what passthrough clients see. wire/identity.md 7 */
  readonly hostKeyPair: () => KeyPair
  /** To agents of this cluster. */
  readonly dialAgent: DialAgent
  /** Leaf clusters that are connected. Default: none. */
  readonly leafSite?: (cluster: string) => DatabaseSite | undefined
  readonly log: Log
  readonly now?: () => number
}

export interface DatabaseProxy {
  /** Passthrough: the client brings its certificate inside; also raw Postgres on the port. */
  readonly postgres: Handler
  /** Passthrough as well; the server speaks first. */
  readonly mysql: Handler
  /** Authenticated: the outer certificate says which database. */
  readonly database: Handler
}

/** Whose certificate counts, and the stream that its session runs on. */
interface Caller {
  readonly stream: Duplex
  readonly identity: Handshake['identity']
  readonly peerCertificate: Handshake['peerCertificate']
  /** Without TLS nobody may be told anything. */
  readonly secured: boolean
}

interface Opening {
  readonly caller: Caller
  /** StartupMessage or CancelRequest, to be sent on unchanged. */
  readonly opening: OpeningPacket
}

/** The proxy's half of database access. Teleport: lib/srv/db/proxyserver.go, lib/srv/db/postgres/proxy.go; wire/database.md 3, 4.1, 4.2 */
export function openDatabaseProxy(options: DatabaseProxyOptions): DatabaseProxy {
  const { auth, hostKeyPair, dialAgent, leafSite = () => undefined, log, now = Date.now } = options
  const hops = new HopCredentialCache(auth, now)
  const threads = new MysqlThreads()
  const here: DatabaseSite = { databaseServers: () => auth.databaseServers(), dialAgent }
  const siteOf = (cluster: string): DatabaseSite | undefined => (cluster === auth.clusterName ? here : leafSite(cluster))

  function innerTls(stream: Duplex): ReturnType<typeof serveTls> {
    return serveTls(stream, {
      keyPair: hostKeyPair(),
      clientCas: auth.ca('user').tls,
      clientCertificate: 'required',
      deadlineMs: INNER_HANDSHAKE_MS,
      now,
    })
  }

  /**
   * SSLRequest and GSSENCRequest, each once and in either order, until the client says what it wants.
   * @returns undefined when the connection is to be closed without a word [captured]
   */
  async function readOpening(first: Caller, offersTls: boolean): Promise<Opening | undefined> {
    let caller = first
    const asked = new Set<string>()
    for (;;) {
      const opening = await readOpeningPacket(caller.stream)
      if (opening === undefined) return undefined
      const { packet } = opening
      if (packet.kind === 'cancel') return { caller, opening }
      if (packet.kind === 'startup') {
        const known = packet.major === 3 && packet.minor === 0 && packet.parameters.get('user') !== undefined
        return known ? { caller, opening } : undefined
      }
      if (asked.has(packet.kind)) return undefined
      asked.add(packet.kind)
      if (packet.kind === 'gss' || !offersTls) {
        caller.stream.write('N')
        continue
      }
      // What came before the answer came before TLS: nobody vouches for it. CVE-2021-23222
      if (caller.stream.readableLength > 0) return undefined
      caller.stream.write('S')
      const { stream, identity, peerCertificate } = await innerTls(caller.stream)
      caller = { stream, identity, peerCertificate, secured: true }
    }
  }

  /** Through the first agent that answers. @throws Refusal */
  async function connectAgent({ identity, cluster, site, servers }: AuthorisedRoute, caller: Caller, client: Address): Promise<Hop> {
    if (caller.peerCertificate === undefined) throw new Refusal(NO_AGENT)
    const credentials = await hops.get(identity, caller.peerCertificate, client.host, cluster)
    for (const server of servers) {
      try {
        return await secureHop(await site.dialAgent(server, client), server, credentials)
      } catch (thrown) {
        if (!(thrown instanceof PorticoError) || thrown.code !== 'proxy/unreachable') throw thrown
        log.debug('database.agent-unreachable', { database: server.name, hostId: server.hostId }, thrown)
      }
    }
    throw new Refusal(NO_AGENT)
  }

  async function relay(route: AuthorisedRoute, { caller, opening }: Opening, client: Handshake['client']): Promise<void> {
    const hop = await connectAgent(route, caller, client)
    log.info('database.session', { user: route.identity.username, database: route.route.ServiceName, client: client.host })
    await hop.relay(caller.stream, { opening })
  }

  function logRefusal(thrown: unknown, client: Handshake['client']): Refusal {
    const refusal = refusalOf(thrown)
    if (refusal.message === 'internal error') log.error('database.failed', {}, thrown)
    log.info('database.refused', { why: refusal.message, client: client.host })
    return refusal
  }

  async function servePostgres(stream: Duplex, handshake: Handshake): Promise<void> {
    const { identity, peerCertificate, negotiated, client } = handshake
    const opening = await readOpening({ stream, identity, peerCertificate, secured: negotiated !== undefined }, true)
    if (opening === undefined || !opening.caller.secured) return closeGently(stream)
    try {
      await relay(await authorise(auth.clusterName, siteOf, opening.caller.identity, client.host), opening, client)
    } catch (thrown) {
      await refusePostgres(opening.caller.stream, logRefusal(thrown, client))
    }
  }

  /** Roles are the agent's decision, for the user and database that the client named. */
  function mysqlEntry(client: Handshake['client']): Pick<MysqlEntry, 'connect' | 'refused' | 'threads'> {
    return {
      threads,
      async connect(caller) {
        const route = await authorise(auth.clusterName, siteOf, caller.identity, client.host)
        // Another protocol's agent would wait for the client, as the client does for it.
        if (!route.servers.some(({ dbProtocol }) => dbProtocol === 'mysql')) throw new Refusal(NO_AGENT)
        const hop = await connectAgent(route, { ...caller, secured: true }, client)
        log.info('database.session', { user: route.identity.username, database: route.route.ServiceName, client: client.host })
        return hop
      },
      refused: refusal => void logRefusal(refusal, client),
    }
  }

  function serveMysqlClient(stream: Duplex, handshake: Handshake): Promise<void> {
    const version = versionFromAlpn(handshake.offered) ?? DEFAULT_MYSQL_VERSION
    return serveMysql(stream, handshake, { version, innerTls, ...mysqlEntry(handshake.client) })
  }

  /** From its first byte on the client speaks with the agent. Without one it is closed without a word. [captured] */
  async function serveRaw(stream: Duplex, { identity, peerCertificate, client }: Handshake, route: AuthorisedRoute): Promise<void> {
    const hop = await connectAgent(route, { stream, identity, peerCertificate, secured: true }, client).catch((thrown: unknown) => {
      logRefusal(thrown, client)
      return undefined
    })
    if (hop === undefined) return closeGently(stream)
    log.info('database.session', { user: route.identity.username, database: route.route.ServiceName, client: client.host })
    await hop.relay(stream)
  }

  /** Refused before the protocol starts, so without a packet: which protocol it would be is not known for sure. [captured] */
  async function serveDatabase(stream: Duplex, handshake: Handshake): Promise<void> {
    const { identity, peerCertificate, client } = handshake
    const route = await authorise(auth.clusterName, siteOf, identity, client.host).catch((thrown: unknown) => {
      logRefusal(thrown, client)
      return undefined
    })
    if (route === undefined) return closeGently(stream)
    const protocol = route.route.Protocol
    if (protocol === 'mysql') {
      const version = route.servers.find(({ mysqlVersion }) => mysqlVersion !== undefined)?.mysqlVersion ?? DEFAULT_MYSQL_VERSION
      return serveMysql(stream, handshake, { version, ...mysqlEntry(client) })
    }
    if (protocol !== 'postgres' && protocol !== 'cockroachdb') return serveRaw(stream, handshake, route)
    const opening = await readOpening({ stream, identity, peerCertificate, secured: true }, false)
    if (opening === undefined) return closeGently(stream)
    try {
      await relay(route, opening, client)
    } catch (thrown) {
      await refusePostgres(stream, logRefusal(thrown, client))
    }
  }

  return { postgres: servePostgres, mysql: serveMysqlClient, database: serveDatabase }
}
