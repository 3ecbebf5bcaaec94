import { connect as connectTcp, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect as connectTls, TLSSocket, type DetailedPeerCertificate, type SecureContext } from 'node:tls'
import { parseAddress } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { authenticationOk, encodeStartup, errorResponse, MessageReader, readErrorResponse, SSL_REQUEST } from '../../wire/postgres.ts'
import type { DatabaseResource } from './database-resource.ts'
import { Refusal } from './refusal.ts'

const CONNECT_MS = 10_000
/** A server that is starting or busy may take its time; a client gives up before that. */
const SESSION_MS = 60_000
/** The messages before a session is ready are short. */
const MESSAGE_LIMIT = 65_536

/** Errors of the network in Go's words, which is what Teleport's users see. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  ETIMEDOUT: 'i/o timeout',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'no such host',
}

function refusalFor(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined
  return new Refusal(WORDS[code ?? ''] ?? (code === undefined ? 'connection failed' : `tls error: ${code}`), thrown)
}

/** Settles with `event`, or rejects with the stream's error, its end, or the deadline. */
function once<T>(stream: Duplex, event: string, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer)
      stream.off(event, done).off('error', failed).off('close', closed)
    }
    const failed = (error: Error): void => {
      settle()
      reject(refusalFor(error))
    }
    const closed = (): void => failed(new Refusal('unexpected EOF'))
    const done = (value: T): void => {
      settle()
      resolve(value)
    }
    const timer = setTimeout(() => failed(new Refusal('i/o timeout')), deadlineMs)
    stream.once(event, done).once('error', failed).once('close', closed)
  })
}

/**
 * TCP, SSLRequest and TLS with a client certificate. wire/database.md 9
 * @throws Refusal
 */
export async function dialPostgres({ uri, tls }: DatabaseResource, context: SecureContext): Promise<TLSSocket> {
  const address = parseAddress(uri, 5432)
  if (address === undefined) throw new Refusal('no such host')
  const socket: Socket = connectTcp({ host: address.host, port: address.port, allowHalfOpen: true, noDelay: true, keepAlive: true })
  socket.on('error', () => {})
  try {
    await once(socket, 'connect', CONNECT_MS)
    socket.write(SSL_REQUEST)
    const answer = await once<Buffer>(socket, 'data', CONNECT_MS)
    socket.pause()
    if (answer.length !== 1 || answer[0] !== 0x53) throw new Refusal('server refused TLS connection')
    const name = tls.serverName ?? address.host
    const secure = connectTls({
      socket,
      secureContext: context,
      rejectUnauthorized: tls.mode !== 'insecure',
      ...(isIP(name) === 0 ? { servername: name } : {}),
      checkServerIdentity: (_host, certificate) => (tls.mode === 'verify-full' ? checkServerIdentity(name, certificate) : undefined),
    })
    secure.on('error', () => {})
    // For the check of the name Node asks for the whole chain, each certificate copied by encoding it. The first one is enough.
    secure.getPeerCertificate = () => TLSSocket.prototype.getPeerCertificate.call(secure, false) as DetailedPeerCertificate
    await once(secure, 'secureConnect', CONNECT_MS)
    return secure
  } catch (thrown) {
    socket.destroy()
    throw refusalFor(thrown)
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
