import type { Socket } from 'node:net'
import type { SecureContext, TLSSocket } from 'node:tls'
import { encodeError, encodePacket, readOkOrError } from '../../../wire/mysql.ts'
import {
  emptyPassword,
  encodeLogin,
  encodeSslRequest,
  offersTls,
  readAuthSwitch,
  readGreeting,
  readMoreData,
  type Greeting,
  type Login,
} from '../../../wire/mysql-login.ts'
import type { DatabaseResource } from '../database-resource.ts'
import { PacketStream, Silence } from '../mysql-packets.ts'
import { Refusal } from '../refusal.ts'
import { dialTcp, secureBackend } from './backend-dial.ts'

const GREETING_MS = 10_000
/** A server that looks up its client's name may take its time. */
const LOGIN_MS = 60_000
/** Teleport: as long for the version alone. lib/srv/db/mysql/protocol/version.go */
const VERSION_MS = 7_000
/** A plugin, its answer, a question for the whole password: more rounds no login has. */
const ROUNDS = 6

/** Refusals of the login itself: ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR. */
const LOGIN_REFUSED: ReadonlySet<number> = new Set([1_045, 1_698])

/** A server's error as Teleport passes it on: the login's refusal only as text (clients would ask for a password), others as they are. */
function serverRefusal(payload: Buffer): Refusal {
  const answer = readOkOrError(payload)
  if (answer?.kind !== 'error') return new Refusal('malformed packet')
  const { code, sqlState, message } = answer.error
  if (LOGIN_REFUSED.has(code)) return new Refusal(`ERROR ${code} (${sqlState}): ${message}`)
  return new Refusal(message, undefined, encodeError(0, answer.error))
}

async function read(packets: PacketStream, deadlineMs: number): Promise<Buffer> {
  try {
    return await packets.read(deadlineMs)
  } catch (thrown) {
    throw new Refusal(thrown instanceof Silence ? 'unexpected EOF' : 'malformed packet', thrown)
  }
}

async function greetingOf(socket: Socket, deadlineMs: number): Promise<Greeting> {
  const payload = await read(new PacketStream(socket, false), deadlineMs)
  // Too many connections, or a host that may not connect: said in the greeting's place.
  if (payload[0] === 0xff) throw serverRefusal(payload)
  const greeting = readGreeting(payload)
  if (greeting === undefined) throw new Refusal('the database does not greet as MySQL does')
  return greeting
}

/** What the database calls itself. @throws Refusal */
export async function mysqlVersion(database: DatabaseResource): Promise<string> {
  const socket = await dialTcp(database)
  try {
    return (await greetingOf(socket, VERSION_MS)).version
  } finally {
    socket.destroy()
  }
}

export interface MysqlBackend {
  readonly server: TLSSocket
  readonly greeting: Greeting
}

/**
 * Logs in with a client certificate and no password. wire/database.md 5.5, 9
 * @throws Refusal
 */
export async function dialMysql(database: DatabaseResource, context: SecureContext, login: Login): Promise<MysqlBackend> {
  const socket = await dialTcp(database)
  try {
    const greeting = await greetingOf(socket, GREETING_MS)
    if (!offersTls(greeting)) throw new Refusal('the database does not offer TLS')
    socket.write(encodeSslRequest(login, greeting))
    const server = await secureBackend(socket, database, context)
    server.write(encodeLogin(login, greeting))
    await authenticate(new PacketStream(server, false))
    return { server, greeting }
  } catch (thrown) {
    socket.destroy()
    throw thrown
  }
}

async function authenticate(packets: PacketStream): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const payload = await read(packets, LOGIN_MS)
    const answer = readOkOrError(payload)
    if (answer?.kind === 'ok') return
    if (answer?.kind === 'error') throw serverRefusal(payload)
    const plugin = readAuthSwitch(payload)
    const more = readMoreData(payload)
    if (plugin === undefined && more === undefined) break
    if (more === 'known') continue
    const password = emptyPassword(plugin ?? 'caching_sha2_password')
    if (password === undefined)
      throw new Refusal(`the account logs in with ${plugin}; it must accept client certificates without a password`)
    packets.write(encodePacket(packets.next(), password))
  }
  throw new Refusal('the database asks for a password; it must accept client certificates')
}
