import type { Socket } from 'node:net'
import { formatAddress } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import { ALPN, DATABASE_PROTOCOLS, type DatabaseProtocol } from '../../shared/protocols.ts'
import { readFirstPacket } from '../wire/postgres.ts'
import { SessionOutcome } from '../wire/session-outcome.ts'
import { fromDialError, isCertificateRefusal } from './dial-errors.ts'
import { dial, type DialContext, type DialledUpstream } from './dial.ts'
import { EarlyBytes } from './early-bytes.ts'
import type { TunnelPlan } from './engine.ts'
import type { LocalProgram, Owner } from './peer-owner.ts'
import { introduce, type Introduction } from './introduce.ts'
import { LocalGate, type TurnedAway } from './local-gate.ts'
import { splice } from './splice.ts'

/** A program that opens a connection and says nothing is let go after this, where it is its turn to speak. Postgres itself waits as long. */
const FIRST_BYTES_MS = 60_000

/** A program that was told why it is not served has this long to read it. */
const FAREWELL_MS = 1_000

/** Why a connection's signal aborts. Given, because else each connection would build a DOMException with its stack. */
const GONE = 'gone'

/** What a connection needs of its tunnel. */
export interface ConnectionTunnel {
  readonly plan: TunnelPlan
  /** Without a client certificate. */
  bare(): DialContext
  /** Whether {@link authenticated} answers at once. */
  hasCertificate(): boolean
  /** With the tunnel's certificate, as soon as there is a good one. */
  authenticated(refused?: DialContext): DialContext | Promise<DialContext>
  countWaiting(change: 1 | -1): void
  countIn(bytes: number): void
  countOut(bytes: number): void
  /** Whether a database was seen to take a client in; set by the first connection that sees it. */
  worked: boolean
  now(): number
}

/** One accepted connection from its first byte to its last: first bytes → credentials → route → dial → splice. */
export class Connection {
  readonly #local: Socket
  readonly #tunnel: ConnectionTunnel
  readonly #gone = new AbortController()
  readonly #early: EarlyBytes
  #deadline: NodeJS.Timeout | undefined
  readonly #gate: LocalGate
  #farewell: Promise<void> | undefined
  #failure: PorticoError | undefined
  #established = false
  bytesIn = 0
  bytesOut = 0
  readonly since: number
  /** The local program, once it is known. */
  from: LocalProgram | null = null
  /** Resolves when it is certain that the local program is ours. */
  readonly #ours: Promise<void>
  #named: Promise<void> = Promise.resolve()

  /** @param owner whose program it is: nothing is passed on before that is known */
  constructor(local: Socket, tunnel: ConnectionTunnel, owner: Promise<Owner>) {
    this.since = tunnel.now()
    this.#ours = owner.then(found => this.#admit(found))
    this.#ours.catch(() => {})
    this.#local = local
    this.#tunnel = tunnel
    local.once('close', () => this.#gone.abort(GONE))
    this.#early = new EarlyBytes(local)
    this.#gate = new LocalGate(tunnel.plan, this.#early, local.localPort)
  }

  get #row(): DatabaseProtocol | undefined {
    return DATABASE_PROTOCOLS[this.#tunnel.plan.dbProtocol]
  }

  /** True once payload flows: such a connection is drained by a stop, others are cut. */
  get established(): boolean {
    return this.#established
  }

  cut(): void {
    this.#local.destroy()
  }

  /** Resolves when the name of the local program is known, or after `ms`. */
  named(ms: number): Promise<void> {
    let timer: NodeJS.Timeout
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, ms)
    })
    return Promise.race([this.#named, late]).finally(() => clearTimeout(timer))
  }

  #admit(owner: Owner): void {
    if (owner.state === 'ours') {
      this.#named = owner.from.then(from => {
        this.from = from
      })
      return
    }
    // Closed by its program before we could look: nobody is there to be served.
    if (owner.state === 'nobody' && this.#early.ended) {
      this.#gone.abort(GONE)
      throw new PorticoError('app/cancelled')
    }
    throw new PorticoError('tunnel/other-user', owner.state === 'nobody' ? { why: 'the system does not tell whose program it is' } : {})
  }

  /**
   * Resolves when both sides are closed.
   * @param opened the other side answered
   * @returns why it failed; undefined when it simply ended
   */
  async serve(opened: () => void): Promise<PorticoError | undefined> {
    if (this.#row?.speaksFirst === 'client') this.#deadline = setTimeout(() => this.cut(), this.#tunnel.plan.firstBytesMs ?? FIRST_BYTES_MS)
    this.#early.onChange = () => this.#judge()
    try {
      await this.#connect(opened)
    } catch (thrown) {
      const error = PorticoError.from(thrown)
      // The local program went first: whatever followed from that is nobody's failure.
      if (!(this.#gone.signal.aborted && error.code === 'app/cancelled')) this.#failure ??= error
    } finally {
      clearTimeout(this.#deadline)
      await this.#farewell
      this.#local.destroy()
    }
    return this.#failure
  }

  async #connect(opened: () => void): Promise<void> {
    const { plan } = this.#tunnel
    // Somebody else must not make us ask for a sign-in. With a certificate at hand, the look and the dialling go on together.
    if (!this.#tunnel.hasCertificate()) await this.#ours
    let context = await this.#route()
    for (let tries = 1; ; tries++) {
      const upstream = await this.#dialled(context)
      if (typeof upstream === 'object') {
        const introduction = await this.#introduce(upstream, opened)
        if (introduction.state === 'met') return
        upstream.stream.destroy()
        if (!this.#wasRefused(introduction.error, context)) return this.#endedSilently(introduction.error)
      }
      const facts = { proxy: formatAddress(plan.upstream.proxy) }
      if (tries > 1) throw new PorticoError('proxy/refused', { ...facts, why: 'it does not accept the certificate' })
      context = await this.#held(this.#tunnel.authenticated(context))
    }
  }

  /** An upstream that may be spoken to: the local program is ours. */
  async #dialled(context: DialContext): Promise<DialledUpstream | 'refused'> {
    const dialling = this.#dial(context)
    dialling.catch(() => {})
    try {
      await this.#ours
    } catch (thrown) {
      dialling.then(
        upstream => typeof upstream === 'object' && upstream.stream.destroy(),
        () => {},
      )
      throw thrown
    }
    return dialling
  }

  /** @returns 'refused' when the proxy refused the certificate within the handshake (TLS 1.2) */
  async #dial(context: DialContext): Promise<DialledUpstream | 'refused'> {
    try {
      return await dial(this.#tunnel.plan.upstream, context, this.#gone.signal)
    } catch (thrown) {
      const error = PorticoError.from(thrown)
      if ((error.code === 'proxy/refused' || isCertificateRefusal(error)) && this.#wasRefused(error, context)) return 'refused'
      throw error
    }
  }

  /** Some servers (Node's among them) refuse by hanging up without an alert: told apart by the clock. */
  #wasRefused(error: Error | undefined, context: DialContext): boolean {
    if (context.credentials === undefined || this.#gone.signal.aborted) return false
    return isCertificateRefusal(error) || context.credentials.notAfter <= this.#tunnel.now()
  }

  #endedSilently(error: Error | undefined): void {
    if (this.#early.ended || this.#gone.signal.aborted || this.#isCancelRequest()) return
    const facts = { proxy: formatAddress(this.#tunnel.plan.upstream.proxy) }
    const failure = error === undefined ? undefined : fromDialError(error, facts)
    // A reset is how some servers hang up.
    throw failure === undefined || failure.code === 'proxy/refused'
      ? new PorticoError('tunnel/upstream-closed', failure?.facts ?? facts, error)
      : failure
  }

  /** A cancel request gets no answer, ever: the close is the answer. */
  #isCancelRequest(): boolean {
    if (this.#row?.alpn !== ALPN.postgres) return false
    const first = readFirstPacket(this.#early.whole())
    return first.state === 'packet' && first.packet.kind === 'cancel'
  }

  /** Looks at what came before anything is passed on. */
  #judge(): boolean {
    if (this.#farewell !== undefined) return false
    const early = this.#early
    if (early.bytes === 0) {
      if (this.#row?.speaksFirst === 'server') return true
      // It left without a word (a health check, a port scanner).
      if (early.ended) this.cut()
      return false
    }
    const verdict = this.#gate.look()
    if (typeof verdict === 'object') this.#turnAway(verdict)
    if (verdict === 'sane') clearTimeout(this.#deadline)
    return verdict === 'sane'
  }

  /** Tells the program, gives up the way to the proxy, and lets it read. */
  #turnAway({ failure, words }: TurnedAway): void {
    this.#failure = failure
    const local = this.#local
    this.#farewell = new Promise(resolve => {
      const end = setTimeout(() => local.destroy(), FAREWELL_MS)
      local.once('close', () => {
        clearTimeout(end)
        resolve()
      })
    })
    this.#early.discard()
    if (words.length > 0) local.end(words)
    else local.destroy()
    this.#gone.abort(GONE)
  }

  /** Tells once a tunnel whether its user and name are good. Inside a client's own TLS nothing is seen. */
  #watch(): ((part: Buffer) => boolean) | undefined {
    const tunnel = this.#tunnel
    if (tunnel.worked || tunnel.plan.mode === 'passthrough') return undefined
    const outcome = new SessionOutcome(tunnel.plan.dbProtocol)
    return part => {
      const seen = outcome.push(part)
      if (seen === 'worked') tunnel.worked = true
      return seen !== 'more'
    }
  }

  /** Which certificate, if any, belongs into the outer TLS. Passthrough Postgres tells by its first packet. wire/database.md 2.4 */
  async #route(): Promise<DialContext> {
    const { plan } = this.#tunnel
    if (plan.mode === 'authenticated') return this.#held(this.#tunnel.authenticated())
    if (DATABASE_PROTOCOLS[plan.dbProtocol]?.alpn !== ALPN.postgres) return this.#tunnel.bare()
    const kind = await this.#firstPacket()
    return kind === 'cancel' ? this.#held(this.#tunnel.authenticated()) : this.#tunnel.bare()
  }

  #firstPacket(): Promise<'cancel' | 'other'> {
    return new Promise((resolve, reject) => {
      this.#gone.signal.addEventListener('abort', () => reject(new PorticoError('app/cancelled')), { once: true })
      const read = (): void => {
        if (!this.#judge()) return
        const first = readFirstPacket(this.#early.whole())
        if (first.state === 'packet') resolve(first.packet.kind === 'cancel' ? 'cancel' : 'other')
        else if (first.state === 'malformed') reject(new PorticoError('tunnel/wrong-protocol', { expected: 'PostgreSQL', why: first.why }))
        else if (this.#early.ended) this.cut()
      }
      this.#early.onChange = read
      if (this.#early.bytes > 0) read()
    })
  }

  /** Waits for a certificate, counted as waiting, no longer than the plan allows or the local program stays. */
  async #held(context: DialContext | Promise<DialContext>): Promise<DialContext> {
    if (!(context instanceof Promise)) return context
    const { plan } = this.#tunnel
    const { signal } = this.#gone
    this.#tunnel.countWaiting(1)
    let timer: NodeJS.Timeout | undefined
    let left = (): void => {}
    try {
      return await new Promise((resolve, reject) => {
        context.then(resolve, reject)
        timer = setTimeout(() => reject(new PorticoError('login/expired', { proxy: formatAddress(plan.upstream.proxy) })), plan.holdMs)
        left = () => reject(new PorticoError('app/cancelled'))
        if (signal.aborted) left()
        else signal.addEventListener('abort', left, { once: true })
      })
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', left)
      this.#tunnel.countWaiting(-1)
    }
  }

  /** Resolves when the upstream ended without a word, or when the whole connection is over. */
  #introduce(upstream: DialledUpstream, opened: () => void): Promise<Introduction> {
    const { signal } = this.#gone
    const cut = (): void => void upstream.stream.destroy()
    signal.addEventListener('abort', cut, { once: true })
    if (signal.aborted) cut()
    return new Promise(resolve => {
      introduce(
        this.#early,
        upstream,
        () => this.#judge(),
        introduction => {
          signal.removeEventListener('abort', cut)
          if (introduction.state === 'silent') return resolve(introduction)
          opened()
          void this.#splice(upstream, introduction.first).then(() => resolve(introduction))
        },
      )
    })
  }

  async #splice(upstream: DialledUpstream, first: Buffer | undefined): Promise<void> {
    const tunnel = this.#tunnel
    const countIn = (bytes: number): void => {
      this.bytesIn += bytes
      tunnel.countIn(bytes)
    }
    const countOut = (bytes: number): void => {
      this.bytesOut += bytes
      tunnel.countOut(bytes)
    }
    this.#established = true
    countOut(this.#early.bytes)
    const guard = this.#gate.guard(
      () => clearTimeout(this.#deadline),
      failure => (this.#failure = failure),
    )
    const error = await splice(this.#local, upstream, { first, countIn, countOut, guard, watch: this.#watch() })
    if (error !== undefined) this.#failure ??= this.#whyBroken(error)
    if (this.#insistedOnTls())
      this.#failure ??= new PorticoError('tunnel/wrong-protocol', { expected: 'PostgreSQL without TLS', got: 'TLS' })
  }

  /** It asked for TLS, was told `N`, and left: `sslmode=require` on a tunnel that is encrypted already. */
  #insistedOnTls(): boolean {
    if (this.bytesOut !== 8 || this.#tunnel.plan.mode !== 'authenticated' || this.#row?.alpn !== ALPN.postgres) return false
    const first = readFirstPacket(this.#early.whole())
    return first.state === 'packet' && first.packet.kind === 'ssl'
  }

  /** A connection that broke in the middle. A reset by either side is how many programs end, and no trouble to show. */
  #whyBroken(error: Error): PorticoError | undefined {
    if (error instanceof PorticoError) return error
    const code = 'code' in error ? error.code : undefined
    return code === 'ECONNRESET' || code === 'EPIPE'
      ? undefined
      : fromDialError(error, { proxy: formatAddress(this.#tunnel.plan.upstream.proxy) })
  }
}
