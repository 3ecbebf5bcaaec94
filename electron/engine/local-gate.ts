import { PorticoError } from '../../shared/errors.ts'
import { DATABASE_PROTOCOLS } from '../../shared/protocols.ts'
import { judgeFirstBytes, type EarlyBytes, type FirstBytesVerdict } from './early-bytes.ts'
import type { TunnelPlan } from './engine.ts'
import { httpAnswer } from './http-answer.ts'
import { HttpRequests, type RequestVerdict } from './http-requests.ts'

/** A program that is not served, and what it is told in its own language, if that is known. */
export interface TurnedAway {
  readonly failure: PorticoError
  readonly words: Buffer
}

const NO_WORDS = Buffer.alloc(0)

/**
 * Decides what of a local program's bytes may go to the database: the first ones must be of its protocol, and of HTTP every
 * request is looked at. Once it is done with a connection it costs nothing.
 */
export class LocalGate {
  readonly #plan: TunnelPlan
  readonly #early: EarlyBytes
  /** For a database that speaks HTTP: every request of this connection. */
  readonly #requests: HttpRequests | undefined
  /** How many early chunks went through `#requests`. */
  #looked = 0
  #sane = false

  /** @param port where the tunnel listens; undefined on a Unix socket */
  constructor(plan: TunnelPlan, early: EarlyBytes, port: number | undefined) {
    this.#plan = plan
    this.#early = early
    if (plan.mode === 'authenticated' && DATABASE_PROTOCOLS[plan.dbProtocol]?.http === true) this.#requests = new HttpRequests(port)
  }

  /** Looks at what came early, again after each change. */
  look(): 'more' | 'sane' | TurnedAway {
    if (this.#requests === undefined) {
      if (this.#sane) return 'sane'
      const verdict = judgeFirstBytes(this.#plan.dbProtocol, this.#plan.mode, this.#early.whole())
      if (verdict.state === 'foreign') return this.#wrongProtocol(verdict)
      this.#sane = verdict.state === 'sane'
    } else {
      const { chunks } = this.#early
      while (this.#looked < chunks.length) {
        const verdict = this.#requests.push(chunks[this.#looked++]!)
        if (verdict.state === 'refused') return this.#refusedRequest(verdict)
        this.#sane = verdict.state === 'sane'
      }
    }
    return this.#sane ? 'sane' : 'more'
  }

  /**
   * For what is said while bytes flow both ways: every request, or the first bytes where the other side spoke first.
   * @param judged called once the first bytes are known to be sane
   * @returns undefined when nothing is left to look at
   */
  guard(judged: () => void, turnAway: (failure: PorticoError) => void): ((chunk: Buffer) => 'pass' | 'done' | Buffer) | undefined {
    const refuse = ({ failure, words }: TurnedAway): Buffer => {
      turnAway(failure)
      return words
    }
    const requests = this.#requests
    if (requests !== undefined)
      return chunk => {
        const verdict = requests.push(chunk)
        return verdict.state === 'refused' ? refuse(this.#refusedRequest(verdict)) : 'pass'
      }
    if (this.#sane) return undefined
    let said = this.#early.whole()
    return chunk => {
      said = Buffer.concat([said, chunk])
      const verdict = judgeFirstBytes(this.#plan.dbProtocol, this.#plan.mode, said)
      if (verdict.state === 'foreign') return refuse(this.#wrongProtocol(verdict))
      if (verdict.state === 'more') return 'pass'
      judged()
      return 'done'
    }
  }

  #wrongProtocol({ got }: FirstBytesVerdict & { state: 'foreign' }): TurnedAway {
    const expected = DATABASE_PROTOCOLS[this.#plan.dbProtocol]?.title ?? this.#plan.dbProtocol
    const words = `this port is a tunnel to a database (${expected}) and does not speak HTTP. Connect with a ${expected} client.`
    const failure = new PorticoError('tunnel/wrong-protocol', { expected, got })
    return { failure, words: got === 'HTTP' ? httpAnswer(400, words) : NO_WORDS }
  }

  #refusedRequest({ status, why }: RequestVerdict & { state: 'refused' }): TurnedAway {
    const words = `this port is a tunnel to a database, for programs of this computer. The request was not passed on: ${why}.`
    return { failure: new PorticoError('tunnel/request-refused', { why }), words: httpAnswer(status, words) }
  }
}
