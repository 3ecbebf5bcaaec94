import { CAPABILITY, encodePacket, NATIVE_PASSWORD } from './mysql.ts'

/** The client's half of MySQL's connection phase: what an agent says to a real server. Integers are little endian. wire/database.md 5.5 */

export interface Greeting {
  readonly version: string
  readonly connectionId: number
  readonly capabilities: number
  /** '' = none named */
  readonly plugin: string
}

/** HandshakeV10. @returns undefined for anything else */
export function readGreeting(payload: Buffer): Greeting | undefined {
  const end = payload.indexOf(0, 1)
  // Behind the version: id 4, salt 8, a zero, capabilities 2, charset 1, status 2, capabilities 2, length of the salt 1, ten zeros.
  if (payload[0] !== 10 || end < 0 || payload.length < end + 1 + 31) return undefined
  const at = end + 1
  const capabilities = payload.readUInt16LE(at + 13) | (payload.readUInt16LE(at + 18) << 16)
  const saltRest = Math.max(13, payload[at + 20]! - 8)
  const name = payload.subarray(at + 31 + saltRest)
  const nameEnd = name.indexOf(0)
  return {
    version: payload.toString('utf8', 1, end),
    connectionId: payload.readUInt32LE(at),
    capabilities,
    plugin: (capabilities & CAPABILITY.pluginAuth) === 0 ? '' : name.toString('latin1', 0, nameEnd < 0 ? name.length : nameEnd),
  }
}

/** What the two sides agree on anyway. LONG_PASSWORD says that it is no MariaDB client with flags of its own. */
const ALWAYS =
  CAPABILITY.longPassword |
  CAPABILITY.longFlag |
  CAPABILITY.protocol41 |
  CAPABILITY.transactions |
  CAPABILITY.secureConnection |
  CAPABILITY.pluginAuth

/** What a client may choose for itself: these change what a server does, not how packets look that it did not ask for. */
const CLIENTS_CHOICE =
  CAPABILITY.foundRows |
  CAPABILITY.noSchema |
  CAPABILITY.odbc |
  CAPABILITY.localFiles |
  CAPABILITY.ignoreSpace |
  CAPABILITY.interactive |
  CAPABILITY.multiStatements |
  CAPABILITY.multiResults |
  CAPABILITY.psMultiResults

/** What Teleport's agent asks for, whatever its client said. lib/srv/db/mysql/engine.go */
const TELEPORTS_CHOICE = CAPABILITY.multiStatements | CAPABILITY.multiResults
const CHARSET_UTF8MB4 = 45
/** As of a client's own packets: 1 GB. */
const MAX_PACKET = 0x4000_0000

export interface Login {
  readonly user: string
  /** '' = none */
  readonly database: string
  /** What the client at the other end said; undefined: not known here. */
  readonly asked: { readonly capabilities: number; readonly charset: number } | undefined
}

function fixedPart({ database, asked }: Login, server: number): Buffer {
  const chosen = asked === undefined ? TELEPORTS_CHOICE : asked.capabilities & CLIENTS_CHOICE
  const wanted = ALWAYS | chosen | (database === '' ? 0 : CAPABILITY.connectWithDatabase)
  const fixed = Buffer.alloc(32)
  fixed.writeUInt32LE(((wanted & server) | CAPABILITY.ssl) >>> 0, 0)
  fixed.writeUInt32LE(MAX_PACKET, 4)
  fixed[8] = asked?.charset || CHARSET_UTF8MB4
  return fixed
}

export const offersTls = ({ capabilities }: Greeting): boolean => (capabilities & CAPABILITY.ssl) !== 0

/** Asks for TLS, which then begins at once. */
export function encodeSslRequest(login: Login, { capabilities }: Greeting): Buffer {
  return encodePacket(1, fixedPart(login, capabilities))
}

/** HandshakeResponse41 behind TLS, without a password: the certificate says who it is. */
export function encodeLogin(login: Login, { capabilities }: Greeting): Buffer {
  const text = (value: string): Buffer => Buffer.from(`${value.replaceAll('\0', '')}\0`, 'utf8')
  const database = login.database === '' ? Buffer.alloc(0) : text(login.database)
  return encodePacket(
    2,
    Buffer.concat([fixedPart(login, capabilities), text(login.user), Buffer.from([0]), database, text(NATIVE_PASSWORD)]),
  )
}

/** AuthSwitchRequest: the plugin that the account has. @returns undefined for anything else */
export function readAuthSwitch(payload: Buffer): string | undefined {
  if (payload[0] !== 0xfe) return undefined
  const end = payload.indexOf(0, 1)
  return payload.toString('latin1', 1, end < 0 ? payload.length : end)
}

/** What "no password" looks like. @returns undefined for a plugin that has no such thing */
export function emptyPassword(plugin: string): Buffer | undefined {
  if (plugin === NATIVE_PASSWORD) return Buffer.alloc(0)
  return ['caching_sha2_password', 'sha256_password', 'mysql_clear_password'].includes(plugin) ? Buffer.from([0]) : undefined
}

/** AuthMoreData of caching_sha2_password: 3 = known already, 4 = the whole password is wanted. */
export function readMoreData(payload: Buffer): 'known' | 'password' | undefined {
  if (payload[0] !== 1 || payload.length !== 2) return undefined
  return payload[1] === 3 ? 'known' : payload[1] === 4 ? 'password' : undefined
}
