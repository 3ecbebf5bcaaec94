import { encodeMsg, encodeRefusal, OPCODE, textOf, withoutElements, type Request } from '../../../wire/mongodb.ts'
import { DENIED, Refusal } from '../refusal.ts'
import type { AgentSession } from './engine.ts'

/** error_codes.yml of MongoDB. */
const UNAUTHORIZED = [13, 'Unauthorized'] as const
const AUTHENTICATION_FAILED = [18, 'AuthenticationFailed'] as const

/** What drivers ask before and after everything else; it tells nothing of any database. */
const FREE: ReadonlySet<string> = new Set(['hello', 'ismaster', 'ping', 'buildinfo', 'endsessions'])
const HELLO: ReadonlySet<string> = new Set(['hello', 'ismaster'])
/** Who somebody is was decided by the certificate. */
const SIGN_IN: ReadonlySet<string> = new Set(['authenticate', 'saslstart', 'saslcontinue', 'logout'])
/** A hello may ask for compression, which nobody here reads, and begin a sign-in. */
const NOT_ASKED = ['compression', 'speculativeAuthenticate']
/** Names of databases whose verdict is remembered; more than a person uses. */
const REMEMBERED = 1_000

/** What becomes of a request: it goes on, or it is answered here. Neither: it is refused, and no answer is awaited. */
export interface Verdict {
  readonly pass?: Buffer
  readonly answer?: Buffer
}

/** The role's say in each request of a session. As with Teleport, a verdict holds as long as the session. */
export class RequestGuard {
  readonly #session: Pick<AgentSession, 'route' | 'check'>
  readonly #allowed = new Map<string, boolean>()

  constructor(session: Pick<AgentSession, 'route' | 'check'>) {
    this.#session = session
  }

  judge(request: Request): Verdict | Promise<Verdict> {
    const { command, database, whole } = request
    if (HELLO.has(command)) return { pass: withoutElements(request, NOT_ASKED) }
    if (SIGN_IN.has(command)) return this.#signIn(request)
    if (FREE.has(command) || database === undefined) return { pass: whole }
    const known = this.#allowed.get(database)
    return known === undefined ? this.#ask(request, database) : this.#verdict(request, known)
  }

  async #ask(request: Request, database: string): Promise<Verdict> {
    const { check, route } = this.#session
    const allowed = await check(route.Username, database).then(
      () => true,
      (thrown: unknown) => {
        if (thrown instanceof Refusal && thrown.message === DENIED) return false
        throw thrown
      },
    )
    if (this.#allowed.size >= REMEMBERED) this.#allowed.clear()
    this.#allowed.set(database, allowed)
    return this.#verdict(request, allowed)
  }

  #verdict(request: Request, allowed: boolean): Verdict {
    if (allowed) return { pass: request.whole }
    return request.silent ? {} : { answer: encodeRefusal(request, DENIED, ...UNAUTHORIZED) }
  }

  /** A driver that is set to X.509 asks for what already is; every other sign-in is refused, as with Teleport. */
  #signIn(request: Request): Verdict {
    const user = `CN=${this.#session.route.Username}`
    const isDone =
      request.command === 'authenticate' &&
      request.opcode === OPCODE.msg &&
      textOf(request, 'mechanism') === 'MONGODB-X509' &&
      (textOf(request, 'user') ?? user) === user
    if (isDone) return { answer: encodeMsg(0, request.requestId, { dbname: '$external', user, ok: 1 }) }
    return { answer: encodeRefusal(request, 'access denied', ...AUTHENTICATION_FAILED) }
  }
}
