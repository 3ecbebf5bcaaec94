import { randomBytes } from 'node:crypto'
import { PorticoError } from '../../../../shared/errors.ts'
import { CommandScanner, encodeCommand, encodeError, ReplySubstitute } from '../../../wire/redis.ts'
import type { Watch } from '../splice.ts'

/** The commands that change who one is. RESET (Redis 6.2) makes one the default user. */
const WATCHED: ReadonlySet<string> = new Set(['AUTH', 'HELLO', 'RESET'])
export const DEFAULT_USER = 'default'

/**
 * Keeps a session with the user that the role allows. A refused command is replaced by one that does not exist and has a random
 * name; the server's error about that name, which comes in its right place among the replies, is replaced by our own.
 */
export class RedisGuard {
  readonly #user: string
  readonly #end: () => void
  readonly #scanner = new CommandScanner(WATCHED)
  readonly #pending: { readonly substitute: ReplySubstitute; readonly last: boolean }[] = []
  #ended = false

  /**
   * @param user the database user that was checked
   * @param end called once everything is said to a client that broke the protocol
   */
  constructor(user: string, end: () => void) {
    this.#user = user
    this.#end = end
  }

  readonly fromClient: Watch = (chunk, pass) => {
    if (this.#ended) return
    const replace = (text: string, last: boolean): void => {
      const name = `PORTICO-${randomBytes(16).toString('hex').toUpperCase()}`
      this.#pending.push({ substitute: new ReplySubstitute(name, encodeError(text)), last })
      pass(encodeCommand([name]))
    }
    try {
      this.#scanner.push(chunk, {
        pass,
        command: (args, whole) => {
          const why = this.#refusal(args.map(arg => arg.toString('utf8')))
          if (why === undefined) pass(whole)
          else replace(`ERR Teleport: ${why}`, false)
        },
      })
    } catch (thrown) {
      this.#ended = true
      const { facts } = PorticoError.from(thrown)
      replace(`ERR Teleport: redis: ${String(facts['why'])}`, true)
    }
  }

  readonly fromServer: Watch = (chunk, pass) => {
    let rest: Buffer | undefined = chunk
    while (rest !== undefined && rest.length > 0) {
      const next = this.#pending[0]
      if (next === undefined) return pass(rest)
      rest = next.substitute.push(rest, pass)
      if (rest === undefined) return
      this.#pending.shift()
      if (next.last) return this.#end()
    }
  }

  /** Teleport: lib/srv/db/redis/cmds.go [captured]; a wrong number of arguments is the server's to tell. */
  #refusal(args: readonly string[]): string | undefined {
    const name = args[0]!.toUpperCase()
    if (name === 'RESET')
      return this.#user === DEFAULT_USER ? undefined : 'RESET would sign this session out. Please open a new connection instead'
    if (name === 'HELLO') {
      // HELLO [version [AUTH user password] [SETNAME name]]
      const asked = args.flatMap((arg, at) => (at >= 2 && arg.toUpperCase() === 'AUTH' ? [args[at + 1] ?? ''] : []))
      return asked.map(user => this.#wrongUser(user)).find(why => why !== undefined)
    }
    if (args.length === 3) return this.#wrongUser(args[1]!)
    if (args.length === 2 && this.#user !== DEFAULT_USER)
      return 'failed to authenticate as the default user. Please provide the db username when connecting to Redis'
    return undefined
  }

  #wrongUser(user: string): string | undefined {
    return user === this.#user
      ? undefined
      : `failed to authenticate as ${user} user. Please provide a correct db username when connecting to Redis`
  }
}
