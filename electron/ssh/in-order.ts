import { malformed } from './failures.ts'

/** Replies carry no name: whoever asked first is answered first. RFC 4254 4, 5.4 */
export class AwaitedReplies<Reply> {
  #asked: { resolve: (reply: Reply) => void; reject: (cause: Error) => void }[] = []

  next(): Promise<Reply> {
    return new Promise((resolve, reject) => this.#asked.push({ resolve, reject }))
  }

  /** @throws PorticoError wire/malformed when nobody asked */
  answer(reply: Reply): void {
    const first = this.#asked.shift()
    if (first === undefined) throw malformed('a reply came that nobody asked for')
    first.resolve(reply)
  }

  answerAll(reply: Reply): void {
    for (const { resolve } of this.#asked.splice(0)) resolve(reply)
  }

  failAll(cause: Error): void {
    for (const { reject } of this.#asked.splice(0)) reject(cause)
  }
}

/** Requests that may wait for their turn; a peer that asks more without reading answers is cut off. */
const MOST_WAITING = 1000

/** Runs a peer's requests one after another, so that replies leave in the order of the requests. */
export class RequestTurns {
  #waiting: (() => Promise<void> | undefined)[] = []
  #busy = false

  /** @param run answers by itself and never throws; a promise holds the later ones @throws PorticoError wire/malformed */
  add(run: () => Promise<void> | undefined): void {
    if (this.#waiting.length >= MOST_WAITING) throw malformed('too many requests wait for an answer')
    this.#waiting.push(run)
    if (!this.#busy) this.#go()
  }

  #go(): void {
    for (let run = this.#waiting.shift(); run !== undefined; run = this.#waiting.shift()) {
      const pending = run()
      if (pending === undefined) continue
      this.#busy = true
      void pending.then(() => {
        this.#busy = false
        this.#go()
      })
      return
    }
  }
}
