import type { ChannelWire } from './send-window.ts'

interface Sender {
  send(head: Buffer, data?: Buffer): void
  readonly full: boolean
}

/** The transport as channels see it: when it is full they wait in line, so that one busy channel leaves room for the others. */
export class WaitingSenders implements ChannelWire {
  readonly #transport: Sender
  #waiting: (() => void)[] = []

  constructor(transport: Sender) {
    this.#transport = transport
  }

  get full(): boolean {
    return this.#transport.full
  }

  send(head: Buffer, data?: Buffer): void {
    this.#transport.send(head, data)
  }

  whenDrained(go: () => void): void {
    this.#waiting.push(go)
  }

  /** Lets them send until it is full again; who waited longest goes first. */
  go(): void {
    const line = this.#waiting
    this.#waiting = []
    let served = 0
    while (served < line.length && !this.full) line[served++]!()
    // Those who were stopped again stand behind those who have not been served.
    if (served < line.length) this.#waiting = [...line.slice(served), ...this.#waiting]
  }

  /** The connection is over: nobody will be served. */
  clear(): void {
    this.#waiting = []
  }
}
