import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import { malformed } from './failures.ts'
import { AwaitedReplies, RequestTurns } from './in-order.ts'
import type { SshLimits } from './limits.ts'
import {
  encodeBareMessage,
  encodeChannelRequest,
  encodeWindowAdjust,
  readExit,
  type ChannelRequestFields,
  type ExitStatus,
  type OpenConfirmation,
} from './messages/connection-messages.ts'
import { MESSAGE } from './messages/message-number.ts'
import { ReceiveWindow } from './receive-window.ts'
import { SendWindow, type ChannelWire } from './send-window.ts'

/** What a link tells its stream. */
export interface ChannelFace {
  /** @returns false when the reader is behind; `readOn` is called later */
  takeData(data: Buffer): boolean
  takeStderr(data: Buffer): void
  takeEof(): void
  /** The peer has closed: nothing will come, nothing is taken. */
  takeClose(): void
  takeLoss(cause: PorticoError | undefined): void
}

/** A request of the peer on a channel. */
export interface ChannelRequest {
  readonly type: string
  readonly data: Buffer
  readonly wantReply: boolean
}

/** @returns whether the request is granted; what it throws is a refusal */
export type RequestListener = (request: ChannelRequest) => boolean | Promise<boolean>

const NOTHING = Buffer.alloc(0)
const STDERR = 1

/** One channel's protocol: windows, requests, the end. Its stream is `SshChannel`. RFC 4254 5 */
export class ChannelLink {
  readonly id: number
  readonly type: string
  readonly #wire: ChannelWire
  readonly #log: Log
  readonly #forget: () => void
  readonly #receive: ReceiveWindow
  readonly #replies = new AwaitedReplies<boolean>()
  readonly #turns = new RequestTurns()
  #peer = -1
  #send: SendWindow | undefined
  #face: ChannelFace | undefined
  #listener: RequestListener | undefined
  /** Requests that came before somebody listened. */
  #early: ChannelRequestFields[] = []
  #unread = 0
  #eofSent = false
  #eofCame = false
  #closeSent = false
  #over = false
  #exit: ExitStatus | undefined
  readonly exited: Promise<ExitStatus | undefined>
  #tellExit: (exit: ExitStatus | undefined) => void = () => {}

  constructor(id: number, type: string, options: { wire: ChannelWire; limits: SshLimits; log: Log; forget: () => void }) {
    this.id = id
    this.type = type
    this.#wire = options.wire
    this.#log = options.log
    this.#forget = options.forget
    this.#receive = new ReceiveWindow(options.limits.windowBytes, bytes => {
      if (!this.#closeSent) this.#wire.send(encodeWindowAdjust(this.#peer, bytes))
    })
    this.exited = new Promise(resolve => (this.#tellExit = resolve))
  }

  get isOpen(): boolean {
    return this.#send !== undefined
  }

  open({ sender, window, maxPacket }: OpenConfirmation): void {
    this.#peer = sender
    this.#send = new SendWindow(this.#wire, sender, window, maxPacket)
  }

  attach(face: ChannelFace): void {
    this.#face = face
  }

  // From the stream

  write(data: Buffer, done: () => void): void {
    this.#send!.write(data, undefined, done)
  }

  writeStderr(data: Buffer, done: () => void): void {
    this.#send!.write(data, STDERR, done)
  }

  sendEof(): void {
    if (this.#eofSent || this.#closeSent) return
    this.#eofSent = true
    this.#wire.send(encodeBareMessage(MESSAGE.channelEof, this.#peer))
  }

  sendClose(): void {
    if (this.#closeSent || this.#over) return
    this.#closeSent = true
    this.#send?.close()
    this.#wire.send(encodeBareMessage(MESSAGE.channelClose, this.#peer))
  }

  /** The reader caught up. */
  readOn(): void {
    const bytes = this.#unread
    this.#unread = 0
    if (bytes > 0) this.#receive.wasRead(bytes)
  }

  wasRead(bytes: number): void {
    this.#receive.wasRead(bytes)
  }

  request(type: string, data: Buffer = NOTHING): Promise<boolean> {
    if (this.#closeSent || this.#over) return Promise.resolve(false)
    const reply = this.#replies.next()
    this.#wire.send(encodeChannelRequest(this.#peer, { type, wantReply: true, data }))
    return reply
  }

  notify(type: string, data: Buffer = NOTHING): void {
    if (!this.#closeSent && !this.#over) this.#wire.send(encodeChannelRequest(this.#peer, { type, wantReply: false, data }))
  }

  listen(listener: RequestListener): void {
    this.#listener = listener
    for (const request of this.#early.splice(0)) this.#answer(request)
  }

  // From the peer

  takeData(data: Buffer): void {
    this.#receive.took(data.length)
    if (this.#eofCame) throw malformed('data came after the end of a channel')
    if (data.length === 0 || this.#closeSent) return
    if (this.#face!.takeData(data)) this.#receive.wasRead(data.length)
    else this.#unread += data.length
  }

  takeExtended(kind: number, data: Buffer): void {
    this.#receive.took(data.length)
    if (this.#eofCame) throw malformed('data came after the end of a channel')
    if (this.#closeSent || data.length === 0) return
    if (kind === STDERR) this.#face!.takeStderr(data)
    else this.#receive.wasRead(data.length)
  }

  takeWindow(bytes: number): void {
    this.#send!.widen(bytes)
  }

  takeEof(): void {
    if (this.#eofCame) return
    this.#eofCame = true
    this.#face!.takeEof()
  }

  takeClose(): void {
    this.takeEof()
    this.sendClose()
    this.#leave()
    this.#replies.answerAll(false)
    this.#forget()
    this.#face!.takeClose()
  }

  takeReply(granted: boolean): void {
    this.#replies.answer(granted)
  }

  takeRequest(request: ChannelRequestFields): void {
    const exit = readExit(request.type, request.data)
    // Also of a program whose output we have read to the end and therefore closed.
    if (exit !== undefined) {
      this.#exit ??= exit
      this.#tellExit(exit)
    }
    if (this.#closeSent) return
    if (exit !== undefined) {
      return this.#turns.add(() => {
        if (request.wantReply) this.#reply(true)
        return undefined
      })
    }
    if (this.#listener !== undefined) return this.#answer(request)
    if (this.#early.length >= 100) throw malformed('too many requests wait for an answer')
    this.#early.push(request)
  }

  /** The whole connection is over. */
  lose(cause: PorticoError | undefined): void {
    if (this.#over) return
    this.#leave()
    this.#replies.failAll(cause ?? new PorticoError('ssh/disconnected', { why: 'we closed the connection' }))
    this.#face?.takeLoss(cause)
  }

  #leave(): void {
    this.#over = true
    this.#early = []
    this.#send?.close()
    this.#tellExit(this.#exit)
  }

  #answer({ type, wantReply, data }: ChannelRequestFields): void {
    const settle = (granted: boolean): void => {
      if (wantReply) this.#reply(granted)
    }
    const refuse = (thrown: unknown): void => {
      this.#log.warn('ssh.request', { channel: this.type, type }, thrown)
      settle(false)
    }
    this.#turns.add(() => {
      if (this.#over) return undefined
      try {
        // Copied, for a listener may keep it longer than the packet lives.
        const granted = this.#listener!({ type, data: Buffer.from(data), wantReply })
        if (typeof granted !== 'boolean') return granted.then(settle, refuse)
        settle(granted)
      } catch (thrown) {
        refuse(thrown)
      }
      return undefined
    })
  }

  #reply(granted: boolean): void {
    if (!this.#closeSent && !this.#over)
      this.#wire.send(encodeBareMessage(granted ? MESSAGE.channelSuccess : MESSAGE.channelFailure, this.#peer))
  }
}
