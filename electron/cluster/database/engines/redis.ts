import type { TLSSocket } from 'node:tls'
import { encodeCommand, encodeError } from '../../../wire/redis.ts'
import { closeGently } from '../../router/close-gently.ts'
import { Refusal } from '../refusal.ts'
import { splice } from '../splice.ts'
import { dialTcp, once, secureBackend } from './backend-dial.ts'
import type { AgentEngine, AgentSession } from './engine.ts'
import { DEFAULT_USER, RedisGuard } from './redis-guard.ts'

/** What Teleport says, whatever it was. [captured] */
const UNREACHABLE = 'failed to connect to the target database'
/** An answer to a login is one short line. */
const ANSWER_LIMIT = 4_096

/**
 * Teleport: lib/srv/db/redis; wire/database.md 6.2. It runs each command itself and speaks RESP2 only; here the bytes of client and
 * server go through, so RESP3, every kind of subscription and any size work, and only who changes the user is looked at.
 */
export const redisEngine: AgentEngine = {
  async serve(session) {
    const { client, identity, route, database, log } = session
    const databaseUser = route.Username === '' ? DEFAULT_USER : route.Username
    await session.check(databaseUser)
    const server = await dial(session, databaseUser)
    session.keep(server)
    log.debug('agent.session', { user: identity.username, database: database.name, databaseUser })
    const guard = new RedisGuard(databaseUser, () => {
      server.end()
      void closeGently(client)
    })
    await splice(client, server, { fromA: guard.fromClient, fromB: guard.fromServer })
  },

  async refuse(client, { message }) {
    if (client.writable) client.write(encodeError(`ERR Teleport: ${message}`))
    await closeGently(client)
  },
}

/** @throws Refusal */
async function dial(session: AgentSession, databaseUser: string): Promise<TLSSocket> {
  const { database } = session
  let server: TLSSocket | undefined
  try {
    server = await secureBackend(await dialTcp(database), database, await session.credentials(databaseUser))
    if (databaseUser !== DEFAULT_USER) await logIn(server, databaseUser)
    return server
  } catch (thrown) {
    server?.destroy()
    throw thrown instanceof Refusal ? new Refusal(UNREACHABLE, thrown) : thrown
  }
}

/**
 * As the user, without a password: an account of `nopass` is who the certificate is for. Where that is not enough the session begins
 * as the server has it begin, and the client sends its AUTH, as with Teleport.
 */
async function logIn(server: TLSSocket, databaseUser: string): Promise<void> {
  server.write(encodeCommand(['AUTH', databaseUser, '']))
  let answer = ''
  while (!answer.endsWith('\r\n')) {
    const chunk = once<Buffer>(server, 'data')
    server.resume()
    answer += String(await chunk)
    server.pause()
    if (answer.length > ANSWER_LIMIT) throw new Refusal('unexpected answer to AUTH')
  }
}
