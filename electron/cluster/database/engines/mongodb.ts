import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { PorticoError } from '../../../../shared/errors.ts'
import { encodeReplyError, MessageCutter, readRequest } from '../../../wire/mongodb.ts'
import { closeGently } from '../../router/close-gently.ts'
import { DENIED, Refusal, refusalOf } from '../refusal.ts'
import type { AgentEngine, AgentSession } from './engine.ts'
import { openMongo } from './mongodb-backend.ts'
import { RequestGuard } from './mongodb-guard.ts'
import { ReplyGate } from './reply-gate.ts'

/** Teleport: lib/srv/db/mongodb/engine.go; wire/database.md 6.1 */
export const mongoEngine: AgentEngine = {
  async serve(session) {
    const { identity, route, database, log } = session
    await session.check(route.Username).catch((thrown: unknown) => {
      const { message } = refusalOf(thrown)
      throw message === DENIED ? new Refusal(`error authorizing database access\n\t${message}`, thrown) : thrown
    })
    const server = await openMongo(session, route.Username)
    log.debug('agent.session', { user: identity.username, database: database.name, databaseUser: route.Username })
    await relay(session, server)
  },

  async refuse(client, { message }) {
    if (client.writable) client.write(encodeReplyError(0, message))
    await closeGently(client)
  },
}

/** Each request is looked at whole, one after the other; answers go through. Resolves when both sides are closed, and never rejects. */
async function relay(session: AgentSession, server: TLSSocket): Promise<void> {
  const { client, log } = session
  const answers = new ReplyGate(server, client)
  const guard = new RequestGuard(session)
  const cutter = new MessageCutter()
  client.on('error', () => server.destroy()).once('close', () => server.destroy())
  // Who waits for an answer hears at once that none will come.
  void answers.ended.then(() => closeGently(client))
  try {
    // A client that has said its last word still hears the answers.
    for await (const chunk of client.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      for (const message of cutter.push(chunk)) {
        const { pass, answer } = await guard.judge(readRequest(message))
        if (answer !== undefined) answers.insert(answer)
        if (pass !== undefined && !server.write(pass)) await drained(server)
      }
    }
    server.end()
  } catch (thrown) {
    const { code, facts } = PorticoError.from(thrown)
    log.debug('agent.mongodb', { code }, thrown)
    if (code.startsWith('wire/')) answers.insert(encodeReplyError(0, String(facts['why'])))
    server.destroy()
  }
  await answers.ended
  await closeGently(client)
}

function drained(stream: Duplex): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed || !stream.writableNeedDrain) return resolve()
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('close', done)
  })
}
