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
  readPacket,
  SALT_LENGTH,
  speaksProtocol41,
  UNKNOWN_ERROR,
  type HandshakeResponse,
  type MysqlError,
  type ReadPacket,
} from '../../wire/mysql.ts'
import type { Identity } from '../../wire/identity.ts'
import { closeGently } from '../router/close-gently.ts'
import type { Handshake } from '../router/route.ts'
import { NO_AGENT, Refusal, refusalOf } from './refusal.ts'
import { splice } from './splice.ts'

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
  readonly connect: (caller: MysqlCaller) => Promise<Duplex>
  /** Told of what is refused; for the log. */
  readonly refused: (refusal: Refusal) => void
}

let lastConnection = 10_000

/** What the client is told, in MySQL's form, before the connection ends. */
class MysqlRefusal extends Error {
  override readonly name = 'MysqlRefusal'
  readonly error: MysqlError

  constructor(error: MysqlError) {
    super(error.message)
    this.error = error
  }
}
const refusedWith = (message: string): MysqlRefusal => new MysqlRefusal({ code: UNKNOWN_ERROR, sqlState: 'HY000', message })

/**
 * The proxy's half of a MySQL session: greets, takes the client's answer, lets the agent log in, and copies.
 * Teleport: lib/srv/db/mysql/proxy.go; wire/database.md 5. Ends the stream itself; never rejects.
 */
export async function serveMysql(stream: Duplex, { client, identity, peerCertificate }: Handshake, entry: MysqlEntry): Promise<void> {
  const packets = new PacketStream(stream, true)
  let caller: MysqlCaller = { stream, identity, peerCertificate }
  try {
    const salt = newSalt()
    lastConnection = (lastConnection + 1) >>> 0
    packets.write(encodeGreeting({ version: entry.version, connectionId: lastConnection, salt, tls: entry.innerTls !== undefined }))
    let answer = await packets.response()
    if (answer === 'ssl') {
      if (entry.innerTls === undefined) throw refusedWith(`The host '${formatAddress(client)}' does not support SSL connections`)
      // What came with the request came before TLS: nobody vouches for it.
      if (stream.readableLength > 0) return await closeGently(stream)
      // Whoever fails here has been told by TLS.
      caller = await entry.innerTls(stream).catch(() => {
        throw new Silence()
      })
      packets.moveTo(caller.stream)
      answer = await packets.response()
      if (answer === 'ssl') throw refusedWith(BAD_ANSWER)
    }
    await authenticate(packets, answer, salt)
    const upstream = await entry.connect(withNames(caller, answer))
    await relay(packets, caller.stream, upstream)
  } catch (thrown) {
    if (thrown instanceof Silence) return closeGently(caller.stream)
    const told =
      thrown instanceof MysqlRefusal ? thrown.error : { code: UNKNOWN_ERROR, sqlState: 'HY000', message: refusalOf(thrown).message }
    entry.refused(thrown instanceof MysqlRefusal ? new Refusal(told.message) : refusalOf(thrown))
    packets.write(encodeError(packets.next(), told, packets.protocol41))
    await closeGently(caller.stream)
  }
}

const BAD_ANSWER = 'failed to handle MySQL client connection'

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

/** Exactly one packet of the agent's is read: it negotiated nothing with the client, so the answer is written anew. */
async function relay(packets: PacketStream, client: Duplex, upstream: Duplex): Promise<void> {
  upstream.on('error', () => upstream.destroy())
  try {
    const first = await new PacketStream(upstream, false).read(AGENT_MS).catch(() => {
      throw new Refusal(NO_AGENT)
    })
    const answer = readOkOrError(first)
    if (answer?.kind === 'error') throw new MysqlRefusal(answer.error)
    if (answer === undefined) throw refusedWith(BAD_ANSWER)
  } catch (thrown) {
    upstream.destroy()
    throw thrown
  }
  packets.write(encodeOk(packets.next()))
  await splice(client, upstream)
}

/** No zero, as it is sent as text. */
function newSalt(): Buffer {
  return Buffer.from(Array.from({ length: SALT_LENGTH }, () => randomInt(0x21, 0x7f)))
}

/** The other side went away or said nothing in time: no answer is due. */
class Silence extends Error {}

/** Packets of the connection phase, one after the other, with the sequence number that the next answer has. */
class PacketStream {
  #stream: Duplex
  readonly #inOrder: boolean
  #sequence = 0
  /** Known from the client's first packet on. */
  protocol41 = false

  /** @param inOrder whether sequence numbers must go on */
  constructor(stream: Duplex, inOrder: boolean) {
    this.#stream = stream
    this.#inOrder = inOrder
  }

  moveTo(stream: Duplex): void {
    this.#stream = stream
  }

  next(): number {
    return (this.#sequence + 1) & 0xff
  }

  write(packet: Buffer): void {
    this.#sequence = packet[3]!
    if (this.#stream.writable) this.#stream.write(packet)
  }

  /** @throws MysqlRefusal, Silence */
  async response(): Promise<'ssl' | HandshakeResponse> {
    const payload = await this.read(ANSWER_MS)
    this.protocol41 = speaksProtocol41(payload)
    const answer = readHandshakeResponse(payload)
    if (answer === undefined) throw refusedWith(BAD_ANSWER)
    return answer.kind === 'ssl' ? 'ssl' : answer
  }

  /** The next packet's payload; bytes behind it stay in the stream. @throws MysqlRefusal, Silence */
  read(deadlineMs: number): Promise<Buffer> {
    const stream = this.#stream
    return new Promise((resolve, reject) => {
      let bytes: Buffer = Buffer.alloc(0)
      const settle = (done: () => void): void => {
        clearTimeout(timer)
        stream.off('data', take).off('end', gone).off('close', gone).pause()
        done()
      }
      const gone = (): void => settle(() => reject(new Silence()))
      const take = (chunk: Buffer): void => {
        bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
        const found: ReadPacket = readPacket(bytes)
        if (found.state === 'more') return
        if (found.state === 'too-long') return settle(() => reject(refusedWith(BAD_ANSWER)))
        if (this.#inOrder && found.sequence !== this.next()) {
          return settle(() => reject(refusedWith(`invalid sequence ${found.sequence} != ${this.next()}`)))
        }
        this.#sequence = found.sequence
        const rest = bytes.subarray(found.length)
        settle(() => resolve(found.payload))
        if (rest.length > 0) stream.unshift(rest)
      }
      const timer = setTimeout(gone, deadlineMs)
      if (stream.destroyed || stream.readableEnded) return gone()
      stream.on('data', take).once('end', gone).once('close', gone).resume()
    })
  }
}
