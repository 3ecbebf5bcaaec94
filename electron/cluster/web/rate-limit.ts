import { refusalAnswer, type Answer } from './answer.ts'

/** How many tries in a row, and how long until one more. */
export interface Rate {
  readonly burst: number
  readonly refillMs: number
}

/** As Teleport limits logins, per client IP. wire/webapi.md 1 */
const LOGINS: Rate = { burst: 20, refillMs: 6_000 }
/** Many services may start at once behind one address; what they prove themselves with is a token that nobody guesses. */
export const JOINS: Rate = { burst: 60, refillMs: 1_000 }
/** Clients remembered at most; the longest silent one is forgotten first. */
const CLIENTS = 10_000

interface Bucket {
  tokens: number
  at: number
}

export class RateLimit {
  readonly #buckets = new Map<string, Bucket>()
  readonly #now: () => number
  readonly rate: Rate

  constructor(now: () => number, rate = LOGINS) {
    this.#now = now
    this.rate = rate
  }

  /** @returns whether this client may try once more */
  take(client: string): boolean {
    const now = this.#now()
    const { burst, refillMs } = this.rate
    const known = this.#buckets.get(client)
    this.#buckets.delete(client)
    const tokens = known === undefined ? burst : Math.min(burst, known.tokens + Math.max(0, now - known.at) / refillMs)
    const allowed = tokens >= 1
    this.#buckets.set(client, { tokens: allowed ? tokens - 1 : tokens, at: now })
    if (this.#buckets.size > CLIENTS) this.#buckets.delete(this.#buckets.keys().next().value!)
    return allowed
  }
}

/** Answers only so often for one client, before anything of the request is read. */
export function limited<R>(limit: RateLimit, answer: (request: R) => Promise<Answer>): (request: R, clientIp: string) => Promise<Answer> {
  return async (request, clientIp) =>
    limit.take(clientIp)
      ? answer(request)
      : refusalAnswer(429, `too many requests from ${clientIp}: wait ${Math.ceil(limit.rate.refillMs / 1_000)} s, then try again`)
}
