import { randomInt } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { formatAddress } from '../../../shared/address.ts'
import {
  encodeAuthSwitch,
  encodeError,
  encodeGreeting,
  encodeOk,
  NATIVE_PASSWORD,
  readHandshakeResponse,
  readOkOrError,
  SALT_LENGTH,
  speaksProtocol41,
  UNKNOWN_ERROR,
  type HandshakeResponse,
} from '../../wire/mysql.ts'
import type { Identity } from '../../wire/identity.ts'
import { closeGently } from '../router/close-gently.ts'
import type { Handshake } from '../router/route.ts'
import type { Hop } from './dial-agent.ts'
import { BAD_ANSWER, MysqlRefusal, PacketStream, refusedWith, Silence } from './mysql-packets.ts'
import { threadOwner, type MysqlThreads } from './mysql-threads.ts'
import { NO_AGENT, Refusal, refusalOf } from './refusal.ts'

/** Shown when nobody says what the database is. */
export const DEFAULT_MYSQL_VERSION = '8.0.0-Teleport'

/** As for the other protocols: nobody types here. */
const ANSWER_MS = 30_000
/** The agent logs in to the database meanwhile. wire/database.md 5.4 */
const AGENT_MS = 120_000

/** Who answered the greeting, and over which stream. */
export interface MysqlCaller {
  readonly stream: Duplex
  readonly identity: Identity | undefined
  readonly peerCertificate: Uint8Array | undefined
}

export interface MysqlEntry {
  readonly version: string
  /** Starts TLS in place and tells who the client is; absent: TLS is not offered, the outer certificate counts. */
  readonly innerTls?: (stream: Duplex) => Promise<MysqlCaller>
  /**
   * To an agent that serves the database of that identity, whose user and database are the ones that the client named.
   * The agent's first packet is OK or ERR.
   * @throws Refusal, PorticoError
   */
  readonly connect: (caller: MysqlCaller) => Promise<Hop>
  /** Of the connections to agents that are elsewhere. */
  readonly threads: MysqlThreads
  /** Told of what is refused; for the log. */
  readonly refused: (refusal: Refusal) => void
}

/**
 * Counts the connections of this process from a random number on, above those that databases count from 1: so an id leads to one session,
 * here and on other routers. Some drivers (MariaDB's for Java) take 32 bits as signed.
 */
let lastConnection = randomInt(0x2000_0000, 0x7000_0000)

/**
 * The proxy's half of a MySQL session: greets, takes the client's answer, lets the agent log in, and copies.
 * Teleport: lib/srv/db/mysql/proxy.go; wire/database.md 5. Ends the stream itself; never rejects.
 */
export async function serveMysql(stream: Duplex, { client, identity, peerCertificate }: Handshake, entry: MysqlEntry): Promise<void> {
  const packets = new PacketStream(stream, true)
  let caller: MysqlCaller = { stream, identity, peerCertificate }
  let protocol41 = false
  const response = async (): Promise<'ssl' | HandshakeResponse> => {
    const payload = await packets.read(ANSWER_MS)
    protocol41 = speaksProtocol41(payload)
    const answer = readHandshakeResponse(payload)
    if (answer === undefined) throw refusedWith(BAD_ANSWER)
    return answer.kind === 'ssl' ? 'ssl' : answer
  }
  try {
    const salt = newSalt()
    const connectionId = ++lastConnection
    packets.write(encodeGreeting({ version: entry.version, connectionId, salt, tls: entry.innerTls !== undefined }))
    let answer = await response()
    if (answer === 'ssl') {
      if (entry.innerTls === undefined) throw refusedWith(`The host '${formatAddress(client)}' does not support SSL connections`)
      // No answer is due: what came with the request is TLS already.
      // Whoever fails here has been told by TLS.
      caller = await entry.innerTls(stream).catch(() => {
        throw new Silence()
      })
      packets.moveTo(caller.stream)
      answer = await response()
      if (answer === 'ssl') throw refusedWith(BAD_ANSWER)
    }
    await authenticate(packets, answer, salt)
    const named = withNames(caller, answer)
    const hop = await entry.connect(named)
    const { capabilities, charset } = answer
    if (hop.handsOver) {
      return await hop.relay(caller.stream, { greeted: { sequence: packets.next(), connectionId, capabilities, charset } })
    }
    const thread = await takeAnswer(packets, hop.stream)
    const { ServiceName, Username } = named.identity!.routeToDatabase!
    const owner = threadOwner(ServiceName, Username)
    const forget = thread === undefined ? undefined : entry.threads.add(connectionId, thread, owner)
    const commands = entry.threads.look(owner)
    await hop.relay(
      caller.stream,
      {},
      commands.watch(() => hop.stream.destroy()),
    )
    forget?.()
  } catch (thrown) {
    if (thrown instanceof Silence) return closeGently(caller.stream)
    const told =
      thrown instanceof MysqlRefusal ? thrown.error : { code: UNKNOWN_ERROR, sqlState: 'HY000', message: refusalOf(thrown).message }
    entry.refused(thrown instanceof MysqlRefusal ? new Refusal(told.message) : refusalOf(thrown))
    packets.write(encodeError(packets.next(), told, protocol41))
    await closeGently(caller.stream)
  }
}

/** The password must be empty, by whatever plugin: certificates say who it is. */
async function authenticate(packets: PacketStream, { authData, plugin }: HandshakeResponse, salt: Buffer): Promise<void> {
  let given = authData
  if (plugin !== '' && plugin !== NATIVE_PASSWORD) {
    packets.write(encodeAuthSwitch(packets.next(), salt))
    given = await packets.read(ANSWER_MS)
  }
  if (given.length > 0) throw refusedWith('access denied without password')
}

/** What the client's answer names wins over its certificate; an empty name does not. */
function withNames({ stream, identity, peerCertificate }: MysqlCaller, { user, database }: HandshakeResponse): MysqlCaller {
  const route = identity?.routeToDatabase
  if (identity === undefined || route === undefined) return { stream, identity, peerCertificate }
  const routeToDatabase = { ...route, Username: user || route.Username, Database: database || route.Database }
  return { stream, identity: { ...identity, routeToDatabase }, peerCertificate }
}

/**
 * Exactly one packet of the agent's is read: it negotiated nothing with the client, so the answer is written anew.
 * @returns the database's number of the connection, from an agent that tells it
 */
async function takeAnswer(packets: PacketStream, upstream: Duplex): Promise<number | undefined> {
  let thread: number | undefined
  try {
    const first = await new PacketStream(upstream, false).read(AGENT_MS).catch(() => {
      throw new Refusal(NO_AGENT)
    })
    const answer = readOkOrError(first)
    if (answer?.kind === 'error') throw new MysqlRefusal(answer.error)
    if (answer === undefined) throw refusedWith(BAD_ANSWER)
    thread = answer.thread
  } catch (thrown) {
    upstream.destroy()
    throw thrown
  }
  packets.write(encodeOk(packets.next()))
  return thread
}

/** No zero, as it is sent as text. */
function newSalt(): Buffer {
  return Buffer.from(Array.from({ length: SALT_LENGTH }, () => randomInt(0x21, 0x7f)))
}
