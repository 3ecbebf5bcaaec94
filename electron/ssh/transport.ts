import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import { SSH_SIGNATURE_ALGORITHMS } from '../wire/ssh-signature.ts'
import type { Agreement, AlgorithmChoice } from './algorithms.ts'
import { endStream } from './end-stream.ts'
import { disconnectReason, malformed, printable, sshFailure } from './failures.ts'
import { KeyExchange, type NewKeys, type TransportRole } from './key-exchange.ts'
import type { SshLimits } from './limits.ts'
import { DISCONNECT, MESSAGE } from './messages/message-number.ts'
import { decodeDisconnect, decodeExtInfo, encodeDisconnect, encodeExtInfo, encodeUnimplemented } from './messages/transport-messages.ts'
import type { PacketOpener } from './packet-cipher.ts'
import { PacketReader } from './packet-reader.ts'
import { PacketWriter } from './packet-writer.ts'
import type { SshPublicKey } from './public-key.ts'
import { OUR_VERSION, VersionLine } from './version-line.ts'

/** The layer above: user authentication first, then the connection. */
export interface TransportListener {
  /** The first keys are in use. */
  onReady(): void
  /** A message of the layer. Nothing further is read while a returned promise is pending. @returns false when nobody knows its number */
  onMessage(number: number, payload: Buffer): boolean | Promise<boolean>
  /** What did not fit any more may be sent now. */
  onDrain(): void
  /** Once, last. @param cause undefined when we closed it */
  onClosed(cause: PorticoError | undefined): void
}

export interface TransportOptions {
  readonly role: TransportRole
  readonly choice: AlgorithmChoice
  readonly limits: SshLimits
  readonly log: Log
}

/** Bytes that may wait in the stream before bulk senders are told to stop. */
const WIRE_FULL = 256 * 1024
/** ms without progress that the peer gets to take our last words */
const LINGER_MS = 2_000

/** Packets over a stream: versions, keys and new keys, and an end with a reason. RFC 4253 */
export class Transport {
  readonly #stream: Duplex
  readonly #options: TransportOptions
  readonly #listener: TransportListener
  readonly #version: VersionLine
  readonly #reader: PacketReader
  readonly #writer: PacketWriter
  #peerVersion: string | undefined
  #exchange: KeyExchange | undefined
  #exchangeTimer: NodeJS.Timeout | undefined
  #rekeyTimer: NodeJS.Timeout | undefined
  #nextOpener: PacketOpener | undefined
  #keys: NewKeys | undefined
  #strict = false
  #peerWantsExtInfo = false
  #extensions: ReadonlyMap<string, string> = new Map()
  #established = false
  /** Messages of the layers above, kept back during an exchange. */
  #queue: { head: Buffer; data: Buffer | undefined }[] = []
  #queuedBytes = 0
  #bytesAtKeys = 0
  #rekeyed: (() => void)[] = []
  #rekeys = 0
  #held = false
  #over: { cause: PorticoError | undefined } | undefined
  readonly #gone: Promise<void>

  constructor(stream: Duplex, options: TransportOptions, listener: TransportListener) {
    this.#stream = stream
    this.#options = options
    this.#listener = listener
    const { role, limits } = options
    this.#version = new VersionLine(role.side === 'client' ? 'server' : 'client', limits.versionBytes)
    this.#reader = new PacketReader(limits.packetBytes)
    this.#writer = new PacketWriter(stream)
    this.#gone = new Promise(resolve => (stream.destroyed ? resolve() : stream.once('close', resolve)))
    const ended = (): void =>
      this.#end(sshFailure('ssh/disconnected', this.#established ? 'the connection ended' : 'the connection ended before SSH was set up'))
    stream.on('error', thrown => this.#end(sshFailure('ssh/disconnected', 'the connection broke', thrown)))
    stream.on('end', ended).on('close', ended)
    stream.on('drain', () => this.#drained())
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    if (stream.destroyed) queueMicrotask(ended)
    else {
      // Small packets must not wait for an acknowledgement of those before.
      if (stream instanceof Socket) stream.setNoDelay(true)
      // Both sides may begin at once: that saves half a round trip.
      this.#together(() => {
        stream.write(`${OUR_VERSION}\r\n`)
        this.#beginExchange()
      })
    }
  }

  get peerVersion(): string {
    return this.#peerVersion ?? ''
  }

  /** Of the first exchange: what user authentication signs. */
  get sessionId(): Buffer {
    return this.#keys!.sessionId
  }

  /** What the server showed; undefined on a server. */
  get hostKey(): SshPublicKey | undefined {
    return this.#keys?.hostKey
  }

  get agreement(): Agreement | undefined {
    return this.#keys?.agreement
  }

  /** The peer's extensions, like `server-sig-algs`. RFC 8308 */
  get extensions(): ReadonlyMap<string, string> {
    return this.#extensions
  }

  get over(): boolean {
    return this.#over !== undefined
  }

  /** Bulk senders wait for `onDrain` while it is true. */
  get full(): boolean {
    return this.#exchange !== undefined || this.#over !== undefined || this.#waiting(WIRE_FULL)
  }

  get stats(): { readonly received: number; readonly sent: number; readonly rekeys: number } {
    return { received: this.#reader.received, sent: this.#writer.sent, rekeys: this.#rekeys }
  }

  /** @param data must stay as it is until `onDrain` when the wire is full afterwards */
  send(head: Buffer, data?: Buffer): void {
    if (this.#over !== undefined) return
    if (this.#exchange !== undefined) {
      this.#queuedBytes += head.length + (data?.length ?? 0)
      if (this.#queuedBytes > 4 * this.#options.limits.backlogBytes)
        return this.fail(malformed('the other side does not finish the key exchange'))
      this.#queue.push({ head, data })
      return
    }
    this.#writer.write(head, data)
    this.#rekeyIfDue()
  }

  /** Asks for new keys now. Resolves when they are in use, or the connection is over. */
  rekey(): Promise<void> {
    if (this.#over !== undefined || !this.#established) return Promise.resolve()
    const done = new Promise<void>(resolve => this.#rekeyed.push(resolve))
    if (this.#exchange === undefined) this.#beginExchange()
    return done
  }

  /** Tells the peer why, and ends. */
  fail(cause: PorticoError): void {
    this.#end(cause, { reason: disconnectReason(cause), text: String(cause.facts['why'] ?? cause.code) })
  }

  /** Ends in good order. Resolves when the stream is closed; may be called again. */
  close(): Promise<void> {
    this.#end(undefined, { reason: DISCONNECT.byApplication, text: '' })
    return this.#gone
  }

  #end(cause: PorticoError | undefined, told?: { reason: number; text: string }): void {
    if (this.#over !== undefined) return
    this.#over = { cause }
    clearTimeout(this.#exchangeTimer)
    clearTimeout(this.#rekeyTimer)
    this.#queue = []
    if (told !== undefined && !this.#stream.destroyed && this.#peerVersion !== undefined)
      this.#writer.write(encodeDisconnect(told.reason, told.text))
    endStream(this.#stream, LINGER_MS)
    for (const resolve of this.#rekeyed.splice(0)) resolve()
    this.#options.log.debug('ssh.closed', {
      side: this.#options.role.side,
      code: cause?.code ?? '',
      why: String(cause?.facts['why'] ?? ''),
    })
    this.#listener.onClosed(cause)
  }

  #take(chunk: Buffer): void {
    if (this.#over !== undefined) return
    try {
      if (this.#peerVersion !== undefined) this.#reader.push(chunk)
      else {
        const found = this.#version.push(chunk)
        if (found === undefined) return
        this.#peerVersion = found.version
        if (found.rest.length > 0) this.#reader.push(found.rest)
      }
    } catch (thrown) {
      return this.fail(PorticoError.from(thrown))
    }
    this.#read()
  }

  /** One catch per packet: whatever is wrong with it ends the connection, and nothing else. */
  #read(): void {
    try {
      while (!this.#held && this.#over === undefined) {
        const payload = this.#reader.next()
        if (payload === undefined) break
        const pending = this.#dispatch(payload)
        if (pending !== undefined) this.#hold(pending)
        else if (this.#waiting(this.#options.limits.backlogBytes)) this.#hold(this.#drain())
      }
      this.#rekeyIfDue()
    } catch (thrown) {
      this.fail(PorticoError.from(thrown))
    }
  }

  /** Reads nothing until it is settled: what it decides may change how the next packet is read. */
  #hold(pending: Promise<void>): void {
    this.#held = true
    this.#stream.pause()
    pending.then(
      () => {
        this.#held = false
        if (this.#over !== undefined) return
        this.#read()
        if (!this.#held) this.#stream.resume()
      },
      thrown => this.fail(PorticoError.from(thrown)),
    )
  }

  /** More than `bytes` wait in the stream, and it will say when they are gone. */
  #waiting(bytes: number): boolean {
    return this.#stream.writableLength > bytes && this.#stream.writableNeedDrain
  }

  #drain(): Promise<void> {
    return new Promise(resolve => this.#stream.once('drain', resolve).once('close', resolve))
  }

  #dispatch(payload: Buffer): Promise<void> | undefined {
    const number = payload[0]!
    if (this.#exchange?.peerBegan === true) this.#checkAllowed(number)
    else if (!this.#established && number !== MESSAGE.disconnect && number !== MESSAGE.kexInit && number > MESSAGE.debug)
      throw malformed(`message ${number} came before the key exchange`)
    switch (number) {
      case MESSAGE.disconnect: {
        const { reason, text } = decodeDisconnect(payload)
        this.#end(new PorticoError('ssh/disconnected', { why: printable(text) || 'the other side closed the connection', reason }))
        return undefined
      }
      case MESSAGE.ignore:
      case MESSAGE.debug:
      case MESSAGE.unimplemented:
        return undefined
      case MESSAGE.extInfo:
        this.#extensions = decodeExtInfo(payload)
        return undefined
      case MESSAGE.kexInit:
        return this.#takeInit(payload)
      case MESSAGE.ecdhInit:
      case MESSAGE.ecdhReply:
        return this.#takeExchange(payload)
      case MESSAGE.newKeys:
        return this.#takeNewKeys()
    }
    const known = this.#listener.onMessage(number, payload)
    const sequence = this.#reader.sequence
    const answer = (found: boolean): void => {
      if (!found) this.send(encodeUnimplemented(sequence))
    }
    if (typeof known !== 'boolean') return known.then(answer)
    answer(known)
    return undefined
  }

  /** RFC 4253 7.1; in the first exchange of a strict one not even IGNORE and DEBUG. */
  #checkAllowed(number: number): void {
    const ofExchange = number === MESSAGE.newKeys || number === MESSAGE.ecdhInit || number === MESSAGE.ecdhReply
    if (ofExchange || number === MESSAGE.disconnect) return
    if (number > MESSAGE.debug || (this.#strict && this.#keys === undefined))
      throw malformed(`message ${number} came during a key exchange`)
  }

  #rekeyIfDue(): void {
    if (this.#exchange !== undefined || !this.#established || this.#over !== undefined) return
    if (this.#reader.received + this.#writer.sent - this.#bytesAtKeys > this.#options.limits.rekeyBytes) this.#beginExchange()
  }

  #beginExchange(): KeyExchange {
    const { role, choice, limits } = this.#options
    const exchange = new KeyExchange({
      role,
      choice,
      ourVersion: OUR_VERSION,
      peerVersion: () => this.peerVersion,
      session: this.#keys && { id: this.#keys.sessionId, hostKey: this.#keys.hostKeyBlob },
      send: payload => {
        if (this.#over === undefined) this.#writer.write(payload)
      },
    })
    this.#writer.write(exchange.ourInit)
    this.#exchange = exchange
    if (this.#established)
      this.#exchangeTimer = setTimeout(
        () => this.fail(malformed('the other side does not finish the key exchange')),
        limits.exchangeMs,
      ).unref()
    return exchange
  }

  #takeInit(payload: Buffer): undefined {
    const exchange = this.#exchange ?? this.#beginExchange()
    const { strict, wantsExtInfo } = exchange.takeInit(Buffer.from(payload))
    if (this.#keys !== undefined) return
    this.#strict = strict
    this.#peerWantsExtInfo = wantsExtInfo
    if (strict && this.#reader.sequence !== 0) throw malformed('the first packet was not KEXINIT')
  }

  /** Several small writes in one segment. */
  #together(write: () => void): void {
    this.#stream.cork()
    write()
    this.#stream.uncork()
  }

  async #takeExchange(payload: Buffer): Promise<void> {
    if (this.#exchange === undefined) throw malformed('a message of the key exchange came without KEXINIT')
    const keys = await this.#exchange.take(payload)
    if (keys === undefined || this.#over !== undefined) return
    const first = this.#keys === undefined
    this.#keys = first ? keys : { ...keys, hostKey: this.#keys!.hostKey }
    this.#nextOpener = keys.opener
    this.#writer.write(Buffer.from([MESSAGE.newKeys]))
    this.#writer.useKeys(keys.sealer, this.#strict)
    if (first && this.#options.role.side === 'server' && this.#peerWantsExtInfo)
      this.#writer.write(encodeExtInfo(new Map([['server-sig-algs', SSH_SIGNATURE_ALGORITHMS.join(',')]])))
  }

  #takeNewKeys(): undefined {
    if (this.#nextOpener === undefined) throw malformed('NEWKEYS came too early')
    this.#reader.useKeys(this.#nextOpener, this.#strict)
    this.#nextOpener = undefined
    this.#exchange = undefined
    clearTimeout(this.#exchangeTimer)
    clearTimeout(this.#rekeyTimer)
    this.#rekeyTimer = setTimeout(() => void this.rekey(), this.#options.limits.rekeyMs).unref()
    this.#bytesAtKeys = this.#reader.received + this.#writer.sent
    const queue = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    for (const { head, data } of queue) this.#writer.write(head, data)
    if (!this.#established) {
      this.#established = true
      this.#listener.onReady()
      return
    }
    this.#rekeys++
    for (const resolve of this.#rekeyed.splice(0)) resolve()
    this.#drained()
  }

  #drained(): void {
    if (!this.full) this.#listener.onDrain()
  }
}
