import type { TLSSocket } from 'node:tls'
import { closeGently } from '../../router/close-gently.ts'
import { readOpeningPacket } from '../first-packet.ts'
import { refusePostgres } from '../refusal.ts'
import { splice } from '../splice.ts'
import type { AgentEngine, AgentSession } from './engine.ts'
import { dialPostgres, startSession } from './postgres-backend.ts'

/** The database ends the connection of a cancel request itself; this is for one that does not. */
const CANCEL_MS = 10_000

/**
 * Teleport: lib/srv/db/postgres/engine.go; wire/database.md 4.3
 * @param checksNames whether roles have a say in the logical database
 */
export function postgresEngine({ checksNames }: { readonly checksNames: boolean }): AgentEngine {
  /** Without a name PostgreSQL takes the user's: that one has to be allowed then. */
  const check = (session: AgentSession, databaseUser: string, databaseName: string): Promise<void> =>
    session.check(databaseUser, checksNames ? databaseName || databaseUser : undefined)

  async function dial(session: AgentSession, databaseUser: string): Promise<TLSSocket> {
    const server = await dialPostgres(session.database, await session.credentials(databaseUser))
    session.keep(server)
    return server
  }

  async function serveStartup(session: AgentSession, asked: ReadonlyMap<string, string>): Promise<void> {
    const { client, identity, route, database, log } = session
    const databaseUser = asked.get('user') || route.Username
    const databaseName = asked.get('database') || route.Database
    await check(session, databaseUser, databaseName)
    const parameters = new Map(asked).set('user', databaseUser)
    if (databaseName === '') parameters.delete('database')
    else parameters.set('database', databaseName)
    const server = await dial(session, databaseUser)
    try {
      client.write(await startSession(server, parameters))
    } catch (thrown) {
      server.destroy()
      throw thrown
    }
    log.debug('agent.session', { user: identity.username, database: database.name, databaseUser, databaseName })
    await splice(client, server)
  }

  /** Never a reply: the client learns from the cancelled session. */
  async function serveCancel(session: AgentSession, request: Buffer): Promise<void> {
    const { Username, Database } = session.route
    await check(session, Username, Database)
    const server = await dial(session, Username)
    const ended = new Promise<void>(resolve => server.once('close', () => resolve()))
    const cut = setTimeout(() => server.destroy(), CANCEL_MS)
    server.once('end', () => server.end())
    server.write(request)
    server.resume()
    await ended
    clearTimeout(cut)
    await closeGently(session.client)
  }

  return {
    async serve(session) {
      const opening = session.opening ?? (await readOpeningPacket(session.client))
      if (opening?.packet.kind === 'startup') await serveStartup(session, opening.packet.parameters)
      else if (opening?.packet.kind === 'cancel') await serveCancel(session, opening.raw)
      else await closeGently(session.client)
    },
    refuse: refusePostgres,
  }
}
