import { Duplex } from 'node:stream'
import type { PorticoError } from '../../shared/errors.ts'
import type { ChannelFace, ChannelLink, RequestListener } from './channel-link.ts'
import { ChannelStderr, UnaskedStderr } from './channel-stderr.ts'
import { encodeExitCode, encodeExitSignal, type ExitStatus } from './messages/connection-messages.ts'

/** Bytes read ahead, and written ahead, of what the window counts. */
const AHEAD = 256 * 1024

/**
 * One channel as a stream. `end()` says EOF and goes on reading; both ends said: the channel closes. `close()` closes after what is written,
 * `destroy()` at once. When the connection is lost it fails with its cause; an error that nobody listens for is no crash.
 */
export class SshChannel extends Duplex {
  readonly #link: ChannelLink
  #stderr: ChannelStderr | undefined
  readonly #unasked = new UnaskedStderr()
  #inputOver = false
  #peerClosed = false

  constructor(link: ChannelLink) {
    super({ allowHalfOpen: true, readableHighWaterMark: AHEAD, writableHighWaterMark: AHEAD })
    this.#link = link
    this.on('error', () => {})
    this.once('end', () => {
      if (this.#peerClosed) this.destroy()
    })
    link.attach(this.#face())
  }

  get type(): string {
    return this.#link.type
  }

  /** The peer's stderr to read, ours to write. Until it is asked for, the first 64 KiB are kept and more is dropped. */
  get stderr(): Duplex {
    if (this.#stderr !== undefined) return this.#stderr
    this.#stderr = new ChannelStderr(this.#link)
    for (const part of this.#unasked.take()) this.#stderr.push(part)
    if (this.#inputOver || this.destroyed) this.#stderr.push(null)
    return this.#stderr
  }

  /** `exit-status` or `exit-signal` of the peer's program; undefined when the channel closed without one. */
  get exited(): Promise<ExitStatus | undefined> {
    return this.#link.exited
  }

  /** Asks and waits. @returns false when refused, or closed without an answer @throws PorticoError ssh/disconnected */
  request(type: string, data?: Buffer): Promise<boolean> {
    return this.#link.request(type, data)
  }

  /** A request that wants no reply. */
  notify(type: string, data?: Buffer): void {
    this.#link.notify(type, data)
  }

  /** Answers the peer's requests, one at a time; those that came before are answered now. Without a listener they wait. */
  onRequest(listener: RequestListener): void {
    this.#link.listen(listener)
  }

  /** Ends a program's channel: everything written, then the code (or the signal's name without SIG), then CLOSE. */
  exit(status: number | string): void {
    this.#finish(() => {
      if (typeof status === 'number') this.notify('exit-status', encodeExitCode(status))
      else this.notify('exit-signal', encodeExitSignal(status, ''))
    })
  }

  /** Closes after what is written. */
  close(): void {
    this.#finish(() => {})
  }

  #finish(last: () => void): void {
    if (this.destroyed) return
    const end = (): void => {
      if (this.destroyed) return
      last()
      this.destroy()
    }
    const main = (): void => {
      if (this.writableFinished) end()
      else this.once('finish', end).end()
    }
    const stderr = this.#stderr
    if (stderr === undefined || stderr.writableFinished || stderr.destroyed) main()
    else stderr.once('finish', main).end()
  }

  override _write(data: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#link.write(data, done)
  }

  override _final(done: () => void): void {
    this.#link.sendEof()
    done()
  }

  override _read(): void {
    this.#link.readOn()
  }

  override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
    this.#link.sendClose()
    // What came before the end is still worth reading: it often says why.
    if (this.#inputOver && cause === null) this.#stderr?.end()
    else this.#stderr?.destroy(cause ?? undefined)
    done(cause)
  }

  #face(): ChannelFace {
    return {
      takeData: data => this.push(data),
      takeStderr: data => {
        if (this.#stderr !== undefined) return this.#stderr.deliver(data)
        this.#unasked.add(data)
        this.#link.wasRead(data.length)
      },
      takeEof: () => {
        this.#inputOver = true
        if (!this.destroyed) this.push(null)
        if (this.#stderr !== undefined && !this.#stderr.destroyed) this.#stderr.push(null)
      },
      takeClose: () => {
        this.#peerClosed = true
        // What has come may still be read; who reads to the end ends the stream.
        if (this.readableEnded) this.destroy()
      },
      takeLoss: (cause: PorticoError | undefined) => void this.destroy(cause),
    }
  }
}
