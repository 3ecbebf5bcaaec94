import { PorticoError } from '../../shared/errors.ts'
import { documentLength, encodeDocument, readElements, readText, type BsonElement } from './bson.ts'

/**
 * MongoDB's messages, as far as somebody between client and server has to read them.
 * mongodb.com/docs/manual/reference/mongodb-wire-protocol; wire/database.md 6.1
 */

export const OPCODE = {
  reply: 1,
  update: 2001,
  insert: 2002,
  query: 2004,
  getMore: 2005,
  delete: 2006,
  kill: 2007,
  compressed: 2012,
  msg: 2013,
} as const

/** Length, request id, id of what is answered, opcode: 32 bits each, little endian. */
const HEADER = 16
/** As Teleport has it: twice the largest message that servers announce. */
export const MESSAGE_LIMIT = 2 * 48_000_000

const MORE_TO_COME = 0x2
const CHECKSUM = 0x1
const QUERY_FAILURE = 0x2
const COMMANDS = '.$cmd'

const malformed = (why: string): PorticoError => new PorticoError('wire/malformed', { why })

/** Cuts a stream into messages. */
export class MessageCutter {
  #chunks: Buffer[] = []
  #bytes = 0
  readonly #limit: number

  constructor(limit = MESSAGE_LIMIT) {
    this.#limit = limit
  }

  /** Bytes of a message that is not whole. */
  get held(): number {
    return this.#bytes
  }

  /** The messages that are whole now, header and all. @throws PorticoError `wire/malformed`, `wire/too-long` before anything is kept */
  push(chunk: Buffer): readonly Buffer[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    const messages: Buffer[] = []
    while (this.#bytes >= 4) {
      if (this.#chunks[0]!.length < 4) this.#join()
      const length = this.#chunks[0]!.readInt32LE(0)
      if (length < HEADER) throw malformed('a message without a header')
      if (length > this.#limit) throw new PorticoError('wire/too-long', { why: `a message of ${length} bytes`, limit: this.#limit })
      if (this.#bytes < length) break
      if (this.#chunks[0]!.length < length) this.#join()
      const whole = this.#chunks[0]!
      messages.push(whole.subarray(0, length))
      this.#chunks = whole.length === length ? [] : [whole.subarray(length)]
      this.#bytes -= length
    }
    return messages
  }

  #join(): void {
    this.#chunks = [Buffer.concat(this.#chunks)]
  }
}

/** What a client asks. */
export interface Request {
  readonly requestId: number
  readonly opcode: number
  /** undefined for OP_KILL_CURSORS, which belongs to none. */
  readonly database: string | undefined
  /** In small letters, as some are known in two spellings; '' for legacy opcodes that are no command. */
  readonly command: string
  /** The sender awaits no answer. */
  readonly silent: boolean
  readonly whole: Buffer
  /** Elements of the command's document, and where that begins. */
  readonly body: readonly BsonElement[]
  readonly bodyAt: number
}

/** @throws PorticoError `wire/malformed` for what is no request, or one that two readers could understand in two ways */
export function readRequest(whole: Buffer): Request {
  const [requestId, opcode] = [whole.readInt32LE(4), whole.readInt32LE(12)]
  const request = { requestId, opcode, whole }
  switch (opcode) {
    case OPCODE.msg:
      return { ...request, ...readMsg(whole) }
    case OPCODE.query:
    case OPCODE.update:
    case OPCODE.insert:
    case OPCODE.getMore:
    case OPCODE.delete:
      return { ...request, ...readLegacy(whole, opcode) }
    case OPCODE.kill:
      return { ...request, database: undefined, command: '', silent: true, body: [], bodyAt: whole.length }
    case OPCODE.compressed:
      throw malformed('compression was not agreed on')
    default:
      throw malformed(`unknown opcode ${opcode}`)
  }
}

type Read = Omit<Request, 'requestId' | 'opcode' | 'whole'>

function readMsg(whole: Buffer): Read {
  if (whole.length < HEADER + 5) throw malformed('a message cut short')
  const flags = whole.readUInt32LE(HEADER)
  const limit = whole.length - ((flags & CHECKSUM) === 0 ? 0 : 4)
  let bodyAt: number | undefined
  for (let at = HEADER + 4; at < limit;) {
    const kind = whole[at++]!
    if (kind === 0) {
      if (bodyAt !== undefined) throw malformed('two command documents')
      bodyAt = at
      at += documentLength(whole, at, limit)
    } else if (kind === 1) {
      const size = at + 4 > limit ? 0 : whole.readInt32LE(at)
      if (size < 5 || at + size > limit) throw malformed('a section of a wrong length')
      at += size
    } else throw malformed(`unknown section ${kind}`)
  }
  if (bodyAt === undefined) throw malformed('no command document')
  const body = readElements(whole, bodyAt, limit)
  const named = body.filter(({ name }) => name === '$db')
  const database = named.length === 1 ? readText(whole, named[0]!) : undefined
  if (database === undefined || body.length === 0) throw malformed('a command without its database')
  return { database, command: body[0]!.name.toLowerCase(), silent: (flags & MORE_TO_COME) !== 0, body, bodyAt }
}

/** All of them begin with 32 bits of flags and the name of the collection. */
function readLegacy(whole: Buffer, opcode: number): Read {
  const nameAt = HEADER + 4
  const nameEnd = whole.indexOf(0, nameAt)
  if (nameEnd === -1) throw malformed('a collection without a name')
  const name = whole.toString('utf8', nameAt, nameEnd)
  const dot = name.indexOf('.')
  if (dot < 1) throw malformed('a collection without its database')
  const silent = opcode !== OPCODE.query && opcode !== OPCODE.getMore
  const read = { database: name.slice(0, dot), silent }
  if (opcode !== OPCODE.query || name.slice(dot) !== COMMANDS) return { ...read, command: '', body: [], bodyAt: whole.length }
  // Skip and limit stand before the document; old drivers wrap it with their read preference.
  let bodyAt = nameEnd + 1 + 8
  let body = readElements(whole, bodyAt, whole.length)
  const [first] = body
  if (first !== undefined && /^\$?query$/i.test(first.name) && first.type === 0x03) {
    bodyAt = first.value
    body = readElements(whole, bodyAt, first.end)
  }
  return { ...read, command: body[0]?.name.toLowerCase() ?? '', body, bodyAt }
}

/** Text of an element of the command's document. */
export function textOf({ whole, body }: Request, name: string): string | undefined {
  const found = body.find(element => element.name === name)
  return found && readText(whole, found)
}

/** The request without some elements of its document. A checksum is not kept; an old driver's wrapped document is, as it is. */
export function withoutElements(request: Request, names: readonly string[]): Buffer {
  const { whole, body, bodyAt, opcode } = request
  const gone = body.filter(({ name }) => names.includes(name))
  const isWrapped = opcode !== OPCODE.msg && bodyAt + whole.readInt32LE(bodyAt) !== whole.length
  if (gone.length === 0 || isWrapped) return whole
  const parts: Buffer[] = []
  let from = 0
  for (const { start, end } of gone) {
    parts.push(whole.subarray(from, start))
    from = end
  }
  const flags = opcode === OPCODE.msg ? whole.readUInt32LE(HEADER) : 0
  parts.push(whole.subarray(from, whole.length - ((flags & CHECKSUM) === 0 ? 0 : 4)))
  const made = Buffer.concat(parts)
  made.writeInt32LE(made.length, 0)
  if (opcode === OPCODE.msg) made.writeUInt32LE((flags & ~CHECKSUM) >>> 0, HEADER)
  made.writeInt32LE(whole.readInt32LE(bodyAt) - gone.reduce((sum, { start, end }) => sum + end - start, 0), bodyAt)
  return made
}

function encodeMessage(requestId: number, responseTo: number, opcode: number, parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER)
  const fields = [HEADER + parts.reduce((sum, part) => sum + part.length, 0), requestId, responseTo, opcode]
  for (const [index, value] of fields.entries()) header.writeInt32LE(value, index * 4)
  return Buffer.concat([header, ...parts])
}

type Fields = Parameters<typeof encodeDocument>[0]

/** OP_MSG with one document and no flags. */
export const encodeMsg = (requestId: number, responseTo: number, fields: Fields): Buffer =>
  encodeMessage(requestId, responseTo, OPCODE.msg, [Buffer.alloc(5), encodeDocument(fields)])

/** OP_REPLY with `$err`: to legacy requests, and for what goes wrong before any request. [captured] */
export function encodeReplyError(responseTo: number, text: string): Buffer {
  const head = Buffer.alloc(20)
  head.writeInt32LE(QUERY_FAILURE, 0)
  head.writeInt32LE(1, 16)
  return encodeMessage(0, responseTo, OPCODE.reply, [head, encodeDocument({ $err: text })])
}

/** The answer to a request that is refused, in the form in which it was asked. @param code of mongo's error_codes.yml */
export function encodeRefusal({ requestId, opcode }: Request, text: string, code: number, codeName: string): Buffer {
  if (opcode === OPCODE.msg) return encodeMsg(0, requestId, { ok: 0, errmsg: text, code, codeName })
  return encodeReplyError(requestId, text)
}

/** What a server answered: its document's elements. @throws PorticoError `wire/malformed` */
export function readAnswer(whole: Buffer): { readonly whole: Buffer; readonly body: readonly BsonElement[] } {
  const opcode = whole.length < HEADER + 5 ? 0 : whole.readInt32LE(12)
  const bodyAt = opcode === OPCODE.msg ? HEADER + 5 : opcode === OPCODE.reply ? HEADER + 20 : whole.length
  return { whole, body: readElements(whole, bodyAt, whole.length) }
}

/** `ok: 1` in any number's form. */
export function isTrue({ whole, body }: { readonly whole: Buffer; readonly body: readonly BsonElement[] }, name: string): boolean {
  const found = body.find(element => element.name === name)
  if (found === undefined) return false
  if (found.type === 0x01) return whole.readDoubleLE(found.value) === 1
  if (found.type === 0x10) return whole.readInt32LE(found.value) === 1
  if (found.type === 0x12) return whole.readBigInt64LE(found.value) === 1n
  return found.type === 0x08 && whole[found.value] === 1
}
