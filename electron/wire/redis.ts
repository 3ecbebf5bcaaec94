import { PorticoError } from '../../shared/errors.ts'

/**
 * Redis' protocol as its clients speak it (RESP2 and RESP3 alike): arrays of length-prefixed texts.
 * redis.io/docs/latest/develop/reference/protocol-spec; networking.c processMultibulkBuffer; wire/database.md 6.2
 */

const [STAR, DOLLAR, MINUS, ZERO, NINE, CR, LF] = [0x2a, 0x24, 0x2d, 0x30, 0x39, 0x0d, 0x0a]

/** `*12\r\n`, `$536870912\r\n`: Redis itself takes no number of more digits than a 64-bit one has. */
const LINE_LIMIT = 24
/** A watched command is gathered whole; names and passwords are short. */
const COMMAND_LIMIT = 64 * 1024
const ARGUMENT_LIMIT = 64

export function encodeCommand(args: readonly string[]): Buffer {
  return Buffer.from(`*${args.length}\r\n${args.map(arg => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`)
}

/** An error reply: always one line. */
export function encodeError(text: string): Buffer {
  return Buffer.from(`-${text.replace(/[\r\n\t]+/g, ' ')}\r\n`)
}

/** The end of the replies before is kept back so much: an error line about a name of ours is shorter. */
const KEPT = 512

/**
 * Looks for the server's error about a command that does not exist, `-ERR unknown command 'NAME', …`, and puts another reply in its
 * place. The name is random, so nothing else in the stream holds it.
 */
export class ReplySubstitute {
  readonly #name: Buffer
  readonly #reply: Buffer
  #kept: Buffer = Buffer.alloc(0)

  constructor(name: string, reply: Buffer) {
    this.#name = Buffer.from(name)
    this.#reply = reply
  }

  /** @returns what came behind the reply; undefined while it has not come */
  push(chunk: Buffer, pass: (part: Buffer) => void): Buffer | undefined {
    const bytes = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk])
    const found = bytes.indexOf(this.#name)
    const end = found === -1 ? -1 : bytes.indexOf('\r\n', found)
    if (end !== -1) {
      const start = bytes.lastIndexOf('\r\n', found)
      if (start !== -1) pass(bytes.subarray(0, start + 2))
      pass(this.#reply)
      return bytes.subarray(end + 2)
    }
    const keepFrom = Math.max(0, Math.min(bytes.length, found === -1 ? bytes.length : found) - KEPT)
    if (keepFrom > 0) pass(bytes.subarray(0, keepFrom))
    this.#kept = bytes.subarray(keepFrom)
    return undefined
  }
}

/** What a number line says, and where it ends; `end` is -1 while it is not all there. */
interface NumberLine {
  value: number
  end: number
}

/** What a {@link CommandScanner} finds, in order. */
export interface CommandSink {
  /** Bytes of commands that are not watched, at any borders. A view of what was pushed. */
  pass(part: Buffer): void
  /** A watched command, whole. @param args with the name as it was written */
  command(args: readonly Buffer[], whole: Buffer): void
}

/**
 * Cuts watched commands out of what a client sends; everything else goes by untouched, whatever its size. It counts exactly as
 * Redis does, and refuses what Redis would count in another way: whoever could be out of step with it could hide a command.
 */
export class CommandScanner {
  readonly #watched: ReadonlySet<string>
  readonly #longest: number
  readonly #line: NumberLine = { value: 0, end: 0 }
  /** The beginning of something that the next chunk must complete. */
  #held: Buffer | undefined
  /** Arguments of the current command that are still to come. */
  #args = 0
  /** Bytes of the current argument that are still to come, its line end with them. */
  #skip = 0

  /** @param watched names in capitals */
  constructor(watched: ReadonlySet<string>) {
    this.#watched = watched
    this.#longest = Math.max(...[...watched].map(name => name.length))
  }

  /** @throws PorticoError `wire/malformed`, `wire/too-long`; what came before was told */
  push(chunk: Buffer, sink: CommandSink): void {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = undefined
    let [at, passed] = [0, 0]
    const pass = (upTo: number): void => {
      if (upTo > passed) sink.pass(passed === 0 && upTo === bytes.length ? bytes : bytes.subarray(passed, upTo))
    }
    const hold = (from: number): void => {
      pass(from)
      if (from < bytes.length) this.#held = bytes.subarray(from)
    }
    try {
      while (at < bytes.length) {
        if (this.#skip > 0) {
          const taken = Math.min(this.#skip, bytes.length - at)
          at += taken
          this.#skip -= taken
          continue
        }
        if (this.#args > 0) {
          const line = this.#readLine(bytes, at, DOLLAR)
          if (line.end === -1) return hold(at)
          this.#skip = line.value + 2
          this.#args--
          at = line.end
          continue
        }
        const count = this.#readLine(bytes, at, STAR)
        if (count.end === -1) return hold(at)
        const args = count.value
        const afterCount = count.end
        if (args <= 0) {
          at = afterCount
          continue
        }
        const name = this.#readLine(bytes, afterCount, DOLLAR)
        if (name.end === -1) return hold(at)
        const { value: length, end: start } = name
        if (length <= this.#longest && length > 0) {
          if (bytes.length < start + length) return hold(at)
          if (this.#watched.has(bytes.toString('latin1', start, start + length).toUpperCase())) {
            const whole = this.#whole(bytes, at, afterCount, args)
            if (whole === undefined) return hold(at)
            pass(at)
            passed = at = whole.end
            sink.command(whole.args, whole.bytes)
            continue
          }
        }
        this.#args = args - 1
        this.#skip = length + 2
        at = start
      }
      pass(bytes.length)
    } catch (thrown) {
      pass(at)
      throw thrown
    }
  }

  /** @returns undefined while it is not all there */
  #whole(bytes: Buffer, from: number, first: number, count: number): { args: Buffer[]; bytes: Buffer; end: number } | undefined {
    if (count > ARGUMENT_LIMIT) throw new PorticoError('wire/too-long', { why: 'too many arguments', limit: ARGUMENT_LIMIT })
    const args: Buffer[] = []
    let at = first
    for (let left = count; left > 0; left--) {
      const { value, end } = this.#readLine(bytes, at, DOLLAR)
      if (end === -1 || bytes.length < end + value + 2) {
        const size = (end === -1 ? bytes.length : end + value) - from
        if (size > COMMAND_LIMIT) throw new PorticoError('wire/too-long', { why: 'the command is too long', limit: COMMAND_LIMIT })
        return undefined
      }
      args.push(bytes.subarray(end, end + value))
      at = end + value + 2
    }
    if (at - from > COMMAND_LIMIT) throw new PorticoError('wire/too-long', { why: 'the command is too long', limit: COMMAND_LIMIT })
    return { args, bytes: bytes.subarray(from, at), end: at }
  }

  /** `*3\r\n` or `$5\r\n`. The same object each time. @throws PorticoError `wire/malformed` */
  #readLine(bytes: Buffer, from: number, kind: number): NumberLine {
    const line = this.#line
    line.end = -1
    if (from >= bytes.length) return line
    if (bytes[from] !== kind) throw malformed(bytes, from)
    let [at, value] = [from + 1, 0]
    const negative = bytes[at] === MINUS
    if (negative) at++
    const digits = at
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (byte === CR) break
      if (byte < ZERO || byte > NINE || at - from > LINE_LIMIT) throw malformed(bytes, from)
      value = value * 10 + (byte - ZERO)
    }
    if (at + 1 >= bytes.length) return line
    // Redis reads numbers strictly too: no sign, no zeros before. An argument of no length there is an error.
    const strange = at === digits || (bytes[digits] === ZERO && (at > digits + 1 || negative)) || (negative && kind === DOLLAR)
    if (strange || bytes[at + 1] !== LF || !Number.isSafeInteger(value)) throw malformed(bytes, from)
    line.value = negative ? -value : value
    line.end = at + 2
    return line
  }
}

/** In the words of Teleport's: the rest of the line that is no command. [captured] */
function malformed(bytes: Buffer, from: number): PorticoError {
  const text = bytes.toString('latin1', from, Math.min(bytes.length, from + 64)).split(/[\r\n]/)[0]!
  return new PorticoError('wire/malformed', { why: `can't parse ${JSON.stringify(text)}` })
}
