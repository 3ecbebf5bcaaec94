import { encodeAgentOk, encodeError, encodeOk, UNKNOWN_ERROR } from '../../../wire/mysql.ts'
import { closeGently } from '../../router/close-gently.ts'
import { Refusal, refusalOf } from '../refusal.ts'
import { splice } from '../splice.ts'
import type { AgentEngine, AgentSession } from './engine.ts'
import { dialMysql, mysqlVersion } from './mysql-backend.ts'
import { CommandLook } from './mysql-commands.ts'

/** As one connection of a database's account is known to the client that has it. */
interface Thread {
  readonly id: number
  readonly database: string
  readonly databaseUser: string
}

/**
 * Teleport: lib/srv/db/mysql/engine.go; wire/database.md 5.4 to 5.6. The client was greeted by the proxy, before anybody knew which
 * connection of the database would be its own: a KILL that names the greeting's number is told the database's.
 */
export function mysqlEngine(): AgentEngine {
  const threads = new Map<number, Thread>()

  async function serve(session: AgentSession): Promise<void> {
    const { client, identity, route, database, greeted, log } = session
    const { Username: databaseUser, Database: databaseName } = route
    await session.check(databaseUser)
    const login = { user: databaseUser, database: databaseName, asked: greeted }
    const { server, greeting } = await dialMysql(database, await session.credentials(databaseUser), login)
    session.keep(server)
    session.tellVersion(greeting.version)
    if (client.destroyed) return void server.destroy()
    log.debug('agent.session', { user: identity.username, database: database.name, databaseUser, databaseName })
    if (greeted !== undefined) threads.set(greeted.connectionId, { id: greeting.connectionId, database: database.name, databaseUser })
    const commands = new CommandLook(connectionId => {
      const thread = threads.get(connectionId)
      return thread?.database === database.name && thread.databaseUser === databaseUser ? thread.id : undefined
    })
    client.write(greeted === undefined ? encodeAgentOk() : encodeOk(greeted.sequence))
    await splice(client, server, chunk => commands.look(chunk))
    if (greeted !== undefined) threads.delete(greeted.connectionId)
  }

  return {
    async serve(session) {
      try {
        await serve(session)
      } catch (thrown) {
        const { message, packet } = refusalOf(thrown)
        const told = packet ?? encodeError(0, { code: UNKNOWN_ERROR, sqlState: 'HY000', message })
        told[3] = session.greeted?.sequence ?? 0
        throw new Refusal(message, thrown, told)
      }
    },
    async refuse(client, { packet }) {
      if (packet !== undefined && client.writable) client.write(packet)
      await closeGently(client)
    },
    version: mysqlVersion,
  }
}
