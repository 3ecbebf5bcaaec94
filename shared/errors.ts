/**
 * Every way in which Portico fails, as a closed list. `portico help errors` prints it.
 * `retry` says which action helps; `exit` is the command's exit code (cli.md).
 */
export type Retry = 'none' | 'again' | 'log-in' | 'choose-port' | 'choose-values' | 'trust'

export const ERRORS = {
  'usage/invalid': { retry: 'none', exit: 2 },
  'usage/choose': { retry: 'choose-values', exit: 2 },
  'login/required': { retry: 'log-in', exit: 3 },
  'login/expired': { retry: 'log-in', exit: 3 },
  'login/refused': { retry: 'log-in', exit: 1 },
  'login/code-needed': { retry: 'log-in', exit: 3 },
  'login/unsupported': { retry: 'none', exit: 1 },
  'login/too-many-tries': { retry: 'log-in', exit: 1 },
  'proxy/unreachable': { retry: 'again', exit: 5 },
  'proxy/timeout': { retry: 'again', exit: 5 },
  'proxy/not-teleport': { retry: 'none', exit: 1 },
  'proxy/untrusted': { retry: 'trust', exit: 1 },
  'proxy/certificate-expired': { retry: 'none', exit: 1 },
  'proxy/clock': { retry: 'again', exit: 1 },
  'proxy/pin-mismatch': { retry: 'none', exit: 1 },
  'proxy/refused': { retry: 'again', exit: 1 },
  'proxy/answer': { retry: 'again', exit: 1 },
  'access/denied': { retry: 'choose-values', exit: 1 },
  'resource/not-found': { retry: 'none', exit: 4 },
  'resource/unsupported': { retry: 'none', exit: 1 },
  'profile/not-found': { retry: 'log-in', exit: 4 },
  'tool/not-found': { retry: 'none', exit: 4 },
  'tool/failed': { retry: 'again', exit: 1 },
  'tunnel/port-in-use': { retry: 'choose-port', exit: 1 },
  'tunnel/address': { retry: 'choose-port', exit: 1 },
  'tunnel/not-found': { retry: 'none', exit: 4 },
  'tunnel/wrong-protocol': { retry: 'none', exit: 1 },
  'tunnel/other-user': { retry: 'none', exit: 1 },
  'tunnel/request-refused': { retry: 'none', exit: 1 },
  'tunnel/upstream-closed': { retry: 'again', exit: 1 },
  'engine/running': { retry: 'none', exit: 1 },
  'engine/gone': { retry: 'again', exit: 5 },
  'engine/failed': { retry: 'again', exit: 1 },
  'ssh/host-refused': { retry: 'none', exit: 1 },
  'ssh/login-refused': { retry: 'log-in', exit: 1 },
  'ssh/channel-refused': { retry: 'none', exit: 1 },
  'ssh/no-common-algorithm': { retry: 'none', exit: 1 },
  'ssh/disconnected': { retry: 'again', exit: 1 },
  'ssh/agent': { retry: 'again', exit: 1 },
  'state/unwritable': { retry: 'again', exit: 1 },
  'state/disk-full': { retry: 'again', exit: 1 },
  'vault/locked': { retry: 'again', exit: 1 },
  'lab/running': { retry: 'none', exit: 1 },
  'lab/failed': { retry: 'again', exit: 1 },
  'cluster/config': { retry: 'none', exit: 1 },
  'cluster/storage': { retry: 'again', exit: 1 },
  'wire/malformed': { retry: 'none', exit: 1 },
  'wire/too-long': { retry: 'none', exit: 1 },
  'wire/cut-short': { retry: 'none', exit: 1 },
  'app/cancelled': { retry: 'none', exit: 1 },
  'app/bug': { retry: 'none', exit: 1 },
} as const satisfies Record<string, { retry: Retry; exit: number }>

export type ErrorCode = keyof typeof ERRORS

/** What happened, in values that may be shown and logged: never a key, never a token. */
export type Facts = Readonly<Record<string, string | number | boolean | readonly string[]>>

/** A failure as it crosses a process or thread: no stack, no cause. */
export interface Failure {
  readonly code: ErrorCode
  readonly facts: Facts
}

export class PorticoError extends Error {
  override readonly name = 'PorticoError'
  readonly code: ErrorCode
  readonly facts: Facts

  constructor(code: ErrorCode, facts: Facts = {}, cause?: unknown) {
    super(`${code} ${JSON.stringify(facts)}`, { cause })
    this.code = code
    this.facts = facts
  }

  /** Anything thrown, as one of ours. What nobody expected is `app/bug`, with its cause kept for the log. */
  static from(thrown: unknown): PorticoError {
    if (thrown instanceof PorticoError) return thrown
    const cancelled = thrown instanceof Error && thrown.name === 'AbortError'
    return new PorticoError(cancelled ? 'app/cancelled' : 'app/bug', {}, thrown)
  }

  toFailure(): Failure {
    return { code: this.code, facts: this.facts }
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text)
}

/** Switches over a closed union end here: a new member does not compile until it is answered. */
export function assertNever(value: never): never {
  throw new PorticoError('app/bug', { why: `unexpected value ${JSON.stringify(value)}` })
}
