import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import type { Log } from '../../../log/log.ts'
import type { Identity, RouteToDatabase } from '../../../wire/identity.ts'
import type { DatabaseResource } from '../database-resource.ts'
import type { Greeted } from '../dial-agent.ts'
import type { OpeningPacket } from '../first-packet.ts'
import type { Refusal } from '../refusal.ts'

/** One client's session as its agent serves it: behind the proxy's hop, or handed over by a proxy of the same process. */
export interface AgentSession {
  /** In clear: what the client says, and where it is answered. */
  readonly client: Duplex
  readonly identity: Identity
  /** Database, user and logical database as the certificate names them. */
  readonly route: RouteToDatabase
  readonly database: DatabaseResource
  /** Postgres only: what the proxy has read of a client that it hands over. Else it is still in the stream. */
  readonly opening: OpeningPacket | undefined
  /** MySQL only, of a client that its proxy hands over. Else the agent's first packet goes to the proxy. */
  readonly greeted: Greeted | undefined
  /**
   * Whether the roles allow it, asked anew each time.
   * @param databaseName only where the protocol's names are checked. wire/database.md 8
   * @throws Refusal
   */
  check(databaseUser: string, databaseName?: string): Promise<void>
  /** The client certificate with which the agent logs in to the database, and what the database's own is verified with. */
  credentials(databaseUser: string): Promise<SecureContext>
  /** Destroyed with the session's agent. */
  keep(stream: Duplex): void
  /** What the database said it is, for those who ask before they connect. */
  tellVersion(version: string): void
  readonly log: Log
  readonly now: () => number
}

/** How an agent speaks one protocol. */
export interface AgentEngine {
  /**
   * Serves the session to its end and ends both streams.
   * @throws Refusal or anything else: {@link refuse} then tells it, as long as nothing was answered yet
   */
  serve(session: AgentSession): Promise<void>
  /** Tells the client why, in the protocol's own form, and closes. Never rejects. */
  refuse(client: Duplex, refusal: Refusal): Promise<void>
  /** What the database says it is, where clients must know that before they connect. @throws Refusal */
  readonly version?: (database: DatabaseResource) => Promise<string>
}
