import type { Duplex } from 'node:stream'
import type { SecureContext, TLSSocket } from 'node:tls'
import { PorticoError } from '../../../../shared/errors.ts'
import { authenticationOk, encodeStartup, errorResponse, MessageReader, readErrorResponse, SSL_REQUEST } from '../../../wire/postgres.ts'
import type { DatabaseResource } from '../database-resource.ts'
import { Refusal } from '../refusal.ts'
import { dialTcp, once, secureBackend } from './backend-dial.ts'

/** A server that is starting or busy may take its time; a client gives up before that. */
const SESSION_MS = 60_000
/** The messages before a session is ready are short. */
const MESSAGE_LIMIT = 65_536

/**
 * TCP, SSLRequest and TLS with a client certificate. wire/database.md 9
 * @throws Refusal
 */
export async function dialPostgres(database: DatabaseResource, context: SecureContext): Promise<TLSSocket> {
  const socket = await dialTcp(database)
  try {
    socket.write(SSL_REQUEST)
    const answer = await once<Buffer>(socket, 'data')
    socket.pause()
    if (answer.length !== 1 || answer[0] !== 0x53) throw new Refusal('server refused TLS connection')
    return await secureBackend(socket, database, context)
  } catch (thrown) {
    socket.destroy()
    throw thrown
  }
}

/** A server's error as Teleport passes it on: the login refusals (class 28) only as text, the others with severity, code and detail. */
function serverRefusal(body: Buffer): Refusal {
  const fields = readErrorResponse(body)
  const [severity, code, message] = [fields.get('S') ?? 'FATAL', fields.get('C') ?? 'XX000', fields.get('M') ?? '']
  if (code.startsWith('28')) return new Refusal(`${severity}: ${message} (SQLSTATE ${code})`)
  return new Refusal(message, undefined, errorResponse({ severity, code, message }))
}

/** Gathers what a server says before a session is ready. */
class SessionStart {
  readonly #reader = new MessageReader(MESSAGE_LIMIT)
  readonly #key: Buffer[] = []
  readonly #others: Buffer[] = []

  /** @returns what the client is sent, once the server is ready */
  push(chunk: Buffer): Buffer | undefined {
    this.#reader.push(chunk)
    for (;;) {
      const message = this.#reader.next()
      if (message === undefined) return undefined
      const { type, body, whole } = message
      if (type === 'E') throw serverRefusal(body)
      if (type === 'Z') return Buffer.concat([authenticationOk(), ...this.#key, ...this.#others, whole, this.#reader.rest()])
      if (type === 'K') this.#key.push(whole)
      // Notices and the answer about unknown options too: what they say is for the client.
      else if (type === 'S' || type === 'N' || type === 'v') this.#others.push(whole)
      else if (type !== 'R') throw new PorticoError('wire/malformed', { why: `message ${type} before the session is ready` })
      else if (body.readUInt32BE(0) !== 0) throw new Refusal('the database asks for a password; it must accept client certificates')
    }
  }
}

/**
 * Starts a session: everything that the client asked for is passed on, user and database are the checked ones.
 * @returns what the client is sent, in Teleport's order: AuthenticationOk, BackendKeyData, ParameterStatus…, ReadyForQuery [captured]
 * @throws Refusal
 */
export function startSession(server: Duplex, parameters: ReadonlyMap<string, string>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const start = new SessionStart()
    const settle = (): void => {
      clearTimeout(timer)
      server.off('data', take).off('close', closed).pause()
    }
    const fail = (thrown: unknown): void => {
      settle()
      reject(thrown)
    }
    const closed = (): void => fail(new Refusal('unexpected EOF'))
    const take = (chunk: Buffer): void => {
      try {
        const answer = start.push(chunk)
        if (answer === undefined) return
        settle()
        resolve(answer)
      } catch (thrown) {
        fail(thrown)
      }
    }
    const timer = setTimeout(() => fail(new Refusal('i/o timeout')), SESSION_MS)
    server.on('data', take).once('close', closed)
    server.write(encodeStartup(parameters))
  })
}
