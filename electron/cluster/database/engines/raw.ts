import type { Duplex } from 'node:stream'
import { closeGently } from '../../router/close-gently.ts'
import { DENIED, type Refusal } from '../refusal.ts'
import { splice } from '../splice.ts'
import { dialTcp, secureBackend } from './backend-dial.ts'
import type { AgentEngine, AgentSession } from './engine.ts'

/** What the role allows is decided by the certificate's user and name; what is said after that is between client and database. */
async function serve(session: AgentSession): Promise<void> {
  const { client, identity, route, database, log } = session
  await session.check(route.Username, route.Database)
  const server = await secureBackend(await dialTcp(database), database, await session.credentials(route.Username))
  session.keep(server)
  log.debug('agent.session', { user: identity.username, database: database.name, databaseUser: route.Username })
  await splice(client, server)
}

/** A tunnel to a database that takes the account's certificate, whose protocol Portico does not speak: a refusal is a close. */
export const rawEngine: AgentEngine = { serve, refuse: closeGently }

/** The same for databases that speak HTTP: a refusal has words. */
export const httpEngine: AgentEngine = { serve, refuse: refuseHttp }

/** In the shape of Elasticsearch's errors, with `message` where AWS has it. */
async function refuseHttp(client: Duplex, { message }: Refusal): Promise<void> {
  const [status, words, type] = message === DENIED ? [403, 'Forbidden', 'access_denied'] : [502, 'Bad Gateway', 'database_unreachable']
  const body = JSON.stringify({ error: { type, reason: message }, message, status })
  const head = [`HTTP/1.1 ${status} ${words}`, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]
  if (client.writable) client.write(`${[...head, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`)
  await closeGently(client)
}
