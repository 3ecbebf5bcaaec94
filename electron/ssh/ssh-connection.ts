import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import type { SshReader } from '../wire/ssh-bytes.ts'
import type { Agreement } from './algorithms.ts'
import { ChannelLink } from './channel-link.ts'
import { refuseChannel, type ChannelListener, type GlobalListener, type IncomingChannel } from './channel-open.ts'
import { malformed, printable } from './failures.ts'
import { AwaitedReplies, RequestTurns } from './in-order.ts'
import { CHANNEL_PACKET, type SshLimits } from './limits.ts'
import * as message from './messages/connection-messages.ts'
import { MESSAGE, OPEN_REFUSED } from './messages/message-number.ts'
import type { SshPublicKey } from './public-key.ts'
import { SshChannel } from './ssh-channel.ts'
import type { Transport } from './transport.ts'
import { WaitingSenders } from './waiting-senders.ts'

export interface SshStats {
  /** bytes on the wire */
  readonly received: number
  /** bytes on the wire */
  readonly sent: number
  /** exchanges of keys after the first */
  readonly rekeys: number
  readonly channels: number
}

export interface OpenOptions {
  /** What follows the type in the message. */
  readonly data?: Buffer
  readonly signal?: AbortSignal | undefined
}

interface Opening {
  readonly resolve: (channel: SshChannel) => void
  readonly reject: (cause: Error) => void
}

const NOTHING = Buffer.alloc(0)

/** A signed-in SSH connection: channels and requests, the same for client and server. RFC 4254 */
export class SshConnection<Session = undefined> {
  /** The user that the client signed in as. */
  readonly user: string
  /** What `authorize` said about it; undefined on a client. */
  readonly session: Session
  /** Resolves once, when the connection is over; undefined when we closed it. Never rejects. */
  readonly closed: Promise<PorticoError | undefined>
  readonly #transport: Transport
  readonly #limits: SshLimits
  readonly #log: Log
  readonly #onChannel: ChannelListener<SshConnection<Session>>
  readonly #onGlobal: GlobalListener<SshConnection<Session>> | undefined
  readonly #senders: WaitingSenders
  readonly #links = new Map<number, ChannelLink>()
  readonly #openings = new Map<number, Opening>()
  readonly #replies = new AwaitedReplies<Buffer | false>()
  readonly #turns = new RequestTurns()
  #nextId = 0
  #tellClosed: (cause: PorticoError | undefined) => void = () => {}

  constructor(
    transport: Transport,
    who: { readonly user: string; readonly session: Session },
    options: {
      readonly limits: SshLimits
      readonly log: Log
      readonly onChannel?: ChannelListener<SshConnection<Session>> | undefined
      readonly onGlobal?: GlobalListener<SshConnection<Session>> | undefined
    },
  ) {
    this.#transport = transport
    this.user = who.user
    this.session = who.session
    this.#limits = options.limits
    this.#log = options.log
    this.#onChannel = options.onChannel ?? refuseChannel
    this.#onGlobal = options.onGlobal
    this.#senders = new WaitingSenders(transport)
    this.closed = new Promise(resolve => (this.#tellClosed = resolve))
  }

  /** `SSH-2.0-…`, as the peer said it. */
  get peerVersion(): string {
    return this.#transport.peerVersion
  }

  /** What the server showed; undefined on a server. */
  get hostKey(): SshPublicKey | undefined {
    return this.#transport.hostKey
  }

  /** The algorithms in use. */
  get agreement(): Agreement {
    return this.#transport.agreement!
  }

  get stats(): SshStats {
    return { ...this.#transport.stats, channels: this.#links.size }
  }

  /** @throws PorticoError ssh/channel-refused {type, reason, why}, ssh/disconnected, app/cancelled */
  async open(type: string, { data = NOTHING, signal }: OpenOptions = {}): Promise<SshChannel> {
    if (signal?.aborted === true) throw new PorticoError('app/cancelled')
    if (this.#transport.over) throw new PorticoError('ssh/disconnected', { why: 'the connection is closed' })
    if (this.#links.size >= this.#limits.channels)
      throw new PorticoError('ssh/channel-refused', { type, why: 'too many channels are open' })
    const link = this.#newLink(type)
    let cancel: (() => void) | undefined
    try {
      return await new Promise<SshChannel>((resolve, reject) => {
        this.#openings.set(link.id, { resolve, reject })
        // The answer will still come, and then closes the channel.
        cancel = () => {
          this.#openings.delete(link.id)
          reject(new PorticoError('app/cancelled'))
        }
        signal?.addEventListener('abort', cancel, { once: true })
        this.#transport.send(
          message.encodeChannelOpen({ type, sender: link.id, window: this.#limits.windowBytes, maxPacket: CHANNEL_PACKET, data }),
        )
      })
    } finally {
      if (cancel !== undefined) signal?.removeEventListener('abort', cancel)
    }
  }

  /** A global request. @returns the payload of the success, or false @throws PorticoError ssh/disconnected */
  global(name: string, data: Buffer = NOTHING): Promise<Buffer | false> {
    if (this.#transport.over) return Promise.reject(new PorticoError('ssh/disconnected', { why: 'the connection is closed' }))
    const reply = this.#replies.next()
    this.#transport.send(message.encodeGlobalRequest({ name, wantReply: true, data }))
    return reply
  }

  /** A global request that wants no reply. */
  notifyGlobal(name: string, data: Buffer = NOTHING): void {
    this.#transport.send(message.encodeGlobalRequest({ name, wantReply: false, data }))
  }

  /** Asks for new keys now; they also come by themselves. Resolves when they are in use. */
  rekey(): Promise<void> {
    return this.#transport.rekey()
  }

  /** Tells the peer and ends; channels that are open are cut. Resolves when the stream is closed. May be called again. */
  close(): Promise<void> {
    return this.#transport.close()
  }

  /** For the transport. @returns false when the number is unknown @throws PorticoError wire/malformed */
  onMessage(number: number, payload: Buffer): boolean {
    switch (number) {
      case MESSAGE.globalRequest:
        this.#takeGlobal(message.decodeGlobalRequest(payload))
        return true
      case MESSAGE.requestSuccess:
        this.#replies.answer(Buffer.from(payload.subarray(1)))
        return true
      case MESSAGE.requestFailure:
        this.#replies.answer(false)
        return true
      case MESSAGE.channelOpen:
        this.#takeOpen(message.decodeChannelOpen(payload))
        return true
    }
    if (number < MESSAGE.channelOpenConfirmation || number > MESSAGE.channelFailure) return false
    const { recipient, reader } = message.decodeRecipient(payload)
    const link = this.#links.get(recipient)
    // OpenSSH lets only this one pass for a channel that is gone.
    if (link === undefined && number === MESSAGE.channelWindowAdjust) return true
    if (link === undefined) throw malformed(`message ${number} is for a channel that does not exist`)
    const opens = number === MESSAGE.channelOpenConfirmation || number === MESSAGE.channelOpenFailure
    if (opens === link.isOpen) throw malformed(`message ${number} is for a channel that is ${opens ? 'open already' : 'not open'}`)
    this.#takeForChannel(number, link, reader)
    return true
  }

  /** For the transport: there is room again. */
  onDrain(): void {
    this.#senders.go()
  }

  /** For the transport. */
  onClosed(cause: PorticoError | undefined): void {
    const lost = cause ?? new PorticoError('ssh/disconnected', { why: 'we closed the connection' })
    for (const { reject } of this.#openings.values()) reject(lost)
    this.#openings.clear()
    this.#replies.failAll(lost)
    for (const link of this.#links.values()) link.lose(cause)
    this.#links.clear()
    this.#senders.clear()
    this.#tellClosed(cause)
  }

  #newLink(type: string): ChannelLink {
    const id = this.#nextId++
    const link = new ChannelLink(id, type, {
      wire: this.#senders,
      limits: this.#limits,
      log: this.#log,
      forget: () => this.#links.delete(id),
    })
    this.#links.set(id, link)
    return link
  }

  #takeForChannel(number: number, link: ChannelLink, reader: SshReader): void {
    switch (number) {
      case MESSAGE.channelOpenConfirmation:
        return this.#confirmed(link, message.readOpenConfirmation(reader))
      case MESSAGE.channelOpenFailure:
        return this.#refused(link, message.readOpenFailure(reader))
      case MESSAGE.channelWindowAdjust:
        return link.takeWindow(reader.uint32())
      case MESSAGE.channelData:
        return link.takeData(reader.string())
      case MESSAGE.channelExtendedData:
        return link.takeExtended(reader.uint32(), reader.string())
      case MESSAGE.channelEof:
        return link.takeEof()
      case MESSAGE.channelClose:
        return link.takeClose()
      case MESSAGE.channelRequest:
        return link.takeRequest(message.readChannelRequest(reader))
      default:
        return link.takeReply(number === MESSAGE.channelSuccess)
    }
  }

  #confirmed(link: ChannelLink, confirmation: message.OpenConfirmation): void {
    link.open(confirmation)
    const channel = new SshChannel(link)
    const opening = this.#openings.get(link.id)
    this.#openings.delete(link.id)
    if (opening === undefined) channel.destroy()
    else opening.resolve(channel)
  }

  #refused(link: ChannelLink, { reason, text }: { reason: number; text: string }): void {
    this.#links.delete(link.id)
    const opening = this.#openings.get(link.id)
    this.#openings.delete(link.id)
    opening?.reject(new PorticoError('ssh/channel-refused', { type: link.type, reason, why: printable(text) }))
  }

  #takeOpen({ type, sender, window, maxPacket, data }: message.ChannelOpen): void {
    let answered = false
    const answer = (bytes: Buffer): void => {
      answered = true
      this.#transport.send(bytes)
    }
    const incoming: IncomingChannel = {
      type,
      data: Buffer.from(data),
      get answered() {
        return answered
      },
      accept: () => {
        if (answered) throw new PorticoError('app/bug', { why: 'a channel was answered twice' })
        if (this.#transport.over) throw new PorticoError('ssh/disconnected', { why: 'the connection is closed' })
        const link = this.#newLink(type)
        link.open({ sender, window, maxPacket })
        answer(message.encodeOpenConfirmation(sender, { sender: link.id, window: this.#limits.windowBytes, maxPacket: CHANNEL_PACKET }))
        return new SshChannel(link)
      },
      reject: (text, reason = OPEN_REFUSED.prohibited) => {
        if (!answered) answer(message.encodeOpenFailure(sender, reason, text))
      },
    }
    if (this.#links.size >= this.#limits.channels) return incoming.reject('too many channels are open', OPEN_REFUSED.shortage)
    const failed = (thrown: unknown): void => {
      this.#log.warn('ssh.open', { type }, thrown)
      incoming.reject('it could not be opened', OPEN_REFUSED.connectFailed)
    }
    try {
      this.#onChannel(incoming, this)?.catch(failed)
    } catch (thrown) {
      failed(thrown)
    }
  }

  #takeGlobal({ name, wantReply, data }: message.GlobalRequest): void {
    const settle = (answer: boolean | Buffer): void => {
      if (!wantReply) return
      this.#transport.send(
        answer === false ? message.encodeRequestFailure() : message.encodeRequestSuccess(answer === true ? undefined : answer),
      )
    }
    const refuse = (thrown: unknown): void => {
      this.#log.warn('ssh.global', { name }, thrown)
      settle(false)
    }
    this.#turns.add(() => {
      try {
        const answer = this.#onGlobal?.(name, Buffer.from(data), this) ?? false
        if (typeof answer !== 'boolean' && !Buffer.isBuffer(answer)) return answer.then(settle, refuse)
        settle(answer)
      } catch (thrown) {
        refuse(thrown)
      }
      return undefined
    })
  }
}
