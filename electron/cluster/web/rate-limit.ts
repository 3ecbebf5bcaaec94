/** As Teleport limits logins: 20 in a row, then one each 6 s, per client IP. wire/webapi.md 1 */
const BURST = 20
const REFILL_MS = 6_000
/** Clients remembered at most; the longest silent one is forgotten first. */
const CLIENTS = 10_000

interface Bucket {
  tokens: number
  at: number
}

export class RateLimit {
  readonly #buckets = new Map<string, Bucket>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** @returns whether this client may try once more */
  take(client: string): boolean {
    const now = this.#now()
    const known = this.#buckets.get(client)
    this.#buckets.delete(client)
    const tokens = known === undefined ? BURST : Math.min(BURST, known.tokens + Math.max(0, now - known.at) / REFILL_MS)
    const allowed = tokens >= 1
    this.#buckets.set(client, { tokens: allowed ? tokens - 1 : tokens, at: now })
    if (this.#buckets.size > CLIENTS) this.#buckets.delete(this.#buckets.keys().next().value!)
    return allowed
  }
}
