import { encodePacket } from '../../../wire/mysql.ts'
import type { Watch } from '../splice.ts'

const HEADER = 4
const COMMAND = { query: 0x03, processKill: 0x0c, changeUser: 0x11 } as const
/** A KILL is short; longer texts are not looked at. */
const KILL_LIMIT = 300
const KILL = /^((?:\s|\/\*[^*]*\*\/)*kill\s+(?:(?:hard|soft)\s+)?(?:(?:connection|query)\s+)?)(\d{1,10})(\s*;?\s*)$/i

/**
 * Follows the packets that a MySQL client sends in the command phase, across chunks and without copying, for the commands that an agent
 * does not pass on as they are. dev.mysql.com/doc/dev/mysql-server, "Command Phase"
 */
export class CommandLook {
  readonly #threadOf: (connectionId: number) => number | undefined
  readonly #header = Buffer.alloc(HEADER + 1)
  /** Bytes of `#header` that are there. */
  #have = 0
  /** Payload that is still to come. */
  #left = 0
  /** The packet before was a part of something longer: a full one, or one of a LOAD DATA whose count comes round to 0 again. */
  #goesOn = false

  /** @param threadOf the database's own number of a connection that a proxy numbered differently */
  constructor(threadOf: (connectionId: number) => number | undefined) {
    this.#threadOf = threadOf
  }

  /** For a splice. @param end closes the session */
  watch(end: () => void): Watch {
    return (chunk, pass) => {
      const passed = this.look(chunk)
      if (passed === undefined) end()
      else pass(passed)
    }
  }

  /** @returns what the database is sent; undefined: the session ends (COM_CHANGE_USER, which would pass by the roles) */
  look(chunk: Buffer): Buffer | undefined {
    const rewritten: Buffer[] = []
    let [at, passed] = [0, 0]
    while (at < chunk.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, chunk.length - at)
        this.#left -= step
        at += step
        continue
      }
      const start = at - this.#have
      // Almost always a whole header lies in the chunk.
      while (this.#have < HEADER && at < chunk.length) this.#header[this.#have++] = chunk[at++]!
      if (this.#have < HEADER) break
      const length = this.#header.readUIntLE(0, 3)
      const isCommand = this.#header[3] === 0 && !this.#goesOn && length > 0
      // The command itself decides: it is waited for, while its header may have gone on already.
      if (isCommand && at === chunk.length) break
      this.#have = 0
      this.#goesOn = length > 0 && (length === 0xff_ffff || this.#header[3] === 0xff)
      if (isCommand) {
        if (chunk[at] === COMMAND.changeUser) return undefined
        const end = at + length
        const other = start >= passed && end <= chunk.length ? this.#otherKill(chunk.subarray(at, end)) : undefined
        if (other !== undefined) {
          rewritten.push(chunk.subarray(passed, start), encodePacket(0, other))
          passed = at = end
          continue
        }
      }
      this.#left = length
    }
    if (rewritten.length === 0) return chunk
    return Buffer.concat([...rewritten, chunk.subarray(passed)])
  }

  /** A KILL of a connection that is known here: with the number that the database knows it by. */
  #otherKill(command: Buffer): Buffer | undefined {
    if (command[0] === COMMAND.processKill && command.length === 5) {
      const thread = this.#threadOf(command.readUInt32LE(1))
      if (thread === undefined) return undefined
      const other = Buffer.from(command)
      other.writeUInt32LE(thread, 1)
      return other
    }
    if (command[0] !== COMMAND.query || command.length > KILL_LIMIT) return undefined
    const found = KILL.exec(command.toString('latin1', 1))
    const thread = found === null ? undefined : this.#threadOf(Number(found[2]))
    return thread === undefined ? undefined : Buffer.from(`\u0003${found![1]}${thread}${found![3]}`, 'latin1')
  }
}
