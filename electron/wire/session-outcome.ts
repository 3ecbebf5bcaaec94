import { ALPN, DATABASE_PROTOCOLS } from '../../shared/protocols.ts'

export type Outcome = 'more' | 'worked' | 'refused'

/** Enough for greetings and the first answer of every protocol. */
const LIMIT = 64 * 1024

/**
 * Whether a database took its client in, from what it says first: a wrong account or logical database is answered with an
 * error of the protocol, which ends the session as regularly as any. Give it every part until it decides.
 */
export class SessionOutcome {
  readonly #read: (bytes: Buffer) => Outcome
  #bytes = Buffer.alloc(0)

  constructor(dbProtocol: string) {
    const row = DATABASE_PROTOCOLS[dbProtocol]
    const known: Readonly<Record<string, (bytes: Buffer) => Outcome>> = {
      [ALPN.postgres]: readPostgres,
      [ALPN.mysql]: readMysql,
      [ALPN.mongodb]: readMongo,
      [ALPN.redis]: readRedis,
    }
    this.#read = known[row?.alpn ?? ''] ?? (row?.http === true ? readHttp : bytes => (bytes.length > 0 ? 'worked' : 'more'))
  }

  push(part: Buffer): Outcome {
    this.#bytes = this.#bytes.length === 0 ? Buffer.from(part) : Buffer.concat([this.#bytes, part])
    const outcome = this.#read(this.#bytes)
    return outcome === 'more' && this.#bytes.length > LIMIT ? 'refused' : outcome
  }
}

/** `N` refuses TLS or GSS encryption, each once; then the first message: R = authentication, E = error. wire/database.md 4 */
function readPostgres(bytes: Buffer): Outcome {
  let at = 0
  while (at < 2 && bytes[at] === 0x4e) at++
  const type = bytes[at]
  return type === undefined ? 'more' : type === 0x52 ? 'worked' : 'refused'
}

/** The greeting, perhaps a change of method, then OK or ERR. wire/database.md 5 */
function readMysql(bytes: Buffer): Outcome {
  for (let at = 0; ;) {
    if (bytes.length < at + 5) return 'more'
    const type = bytes[at + 4]
    if (type === 0) return 'worked'
    if (type === 0xff) return 'refused'
    at += 4 + bytes.readUIntLE(at, 3)
  }
}

/** OP_REPLY (1) with QueryFailure is a refusal by the agent. wire/database.md 6.1 */
function readMongo(bytes: Buffer): Outcome {
  if (bytes.length < 20) return 'more'
  return bytes.readInt32LE(12) === 1 && (bytes.readInt32LE(16) & 2) !== 0 ? 'refused' : 'worked'
}

/** What the cluster says begins with these words; the database's own errors are answers like any. wire/database.md 6.2 */
function readRedis(bytes: Buffer): Outcome {
  const refusal = '-ERR Teleport:'
  const start = bytes.toString('latin1', 0, refusal.length)
  if (start === refusal) return 'refused'
  return refusal.startsWith(start) ? 'more' : 'worked'
}

function readHttp(bytes: Buffer): Outcome {
  if (bytes.length < 12) return 'more'
  return /^HTTP\/1\.\d (?:401|403|5)/.test(bytes.toString('latin1', 0, 12)) ? 'refused' : 'worked'
}
