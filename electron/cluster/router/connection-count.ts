import type { Log } from '../../log/log.ts'

/** Connections open now, in all and per client address. */
export class ConnectionCount {
  readonly #limit: number
  readonly #limitPerAddress: number
  readonly #log: Log
  readonly #perAddress = new Map<string, number>()
  #total = 0
  #full = false

  constructor(limit: number, limitPerAddress: number, log: Log) {
    this.#limit = limit
    this.#limitPerAddress = limitPerAddress
    this.#log = log
  }

  get total(): number {
    return this.#total
  }

  /** Nobody may open one more, from whatever address. */
  get isFull(): boolean {
    return this.#total >= this.#limit
  }

  /** @returns false when it would be one too many: it is not counted, and must not be removed. */
  add(host: string): boolean {
    const count = this.#perAddress.get(host) ?? 0
    if (this.isFull || count >= this.#limitPerAddress) {
      // Once until it is half empty again: a flood must not fill the log.
      if (!this.#full) this.#log.warn('router.full', { host, connections: this.#total, ofHost: count })
      this.#full = true
      return false
    }
    this.#total += 1
    this.#perAddress.set(host, count + 1)
    return true
  }

  /** A connection counts for `to` from now on. @returns false when that has too many: nothing changed then */
  move(from: string, to: string): boolean {
    const count = this.#perAddress.get(to) ?? 0
    if (from !== to && count >= this.#limitPerAddress) return false
    this.remove(from)
    this.#total += 1
    this.#perAddress.set(to, (this.#perAddress.get(to) ?? 0) + 1)
    return true
  }

  remove(host: string): void {
    const left = (this.#perAddress.get(host) ?? 0) - 1
    if (left > 0) this.#perAddress.set(host, left)
    else this.#perAddress.delete(host)
    this.#total -= 1
    if (this.#total * 2 <= this.#limit && left * 2 <= this.#limitPerAddress) this.#full = false
  }
}
