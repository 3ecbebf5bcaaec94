import { encodeAgentOk, encodeError, encodeOk, UNKNOWN_ERROR } from '../../../wire/mysql.ts'
import { closeGently } from '../../router/close-gently.ts'
import { MysqlThreads, threadOwner } from '../mysql-threads.ts'
import { Refusal, refusalOf } from '../refusal.ts'
import { splice } from '../splice.ts'
import type { AgentEngine, AgentSession } from './engine.ts'
import { dialMysql, mysqlVersion } from './mysql-backend.ts'

/**
 * Teleport: lib/srv/db/mysql/engine.go; wire/database.md 5.4 to 5.6. A client that was handed over is answered as it was greeted; else the proxy
 * answers it, and is told the database's number of the connection.
 */
export function mysqlEngine(): AgentEngine {
  const threads = new MysqlThreads()

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
    const owner = threadOwner(database.name, databaseUser)
    const forget = greeted && threads.add(greeted.connectionId, greeting.connectionId, owner)
    const commands = threads.look(owner)
    client.write(greeted === undefined ? encodeAgentOk(greeting.connectionId) : encodeOk(greeted.sequence))
    await splice(client, server, { fromA: commands.watch(() => server.destroy()) })
    forget?.()
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
