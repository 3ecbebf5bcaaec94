import type { Credentials } from './engine.ts'
import type { DialContext } from './dial.ts'

/** A certificate that ends within this time is not shown any more: the handshake takes time too, ms. */
const MARGIN_MS = 500

export interface CredentialCacheOptions {
  /** Asks the main thread; waits as long as a sign-in takes. */
  readonly ask: (refused: string | undefined) => Promise<Credentials>
  readonly open: (credentials: Credentials) => DialContext
  readonly now: () => number
}

/** One tunnel's certificate on its thread. However many connections wait, there is one question at a time. */
export class CredentialCache {
  readonly #options: CredentialCacheOptions
  #current: DialContext | undefined
  #question: Promise<DialContext> | undefined

  constructor(options: CredentialCacheOptions) {
    this.#options = options
  }

  /**
   * @param refused what the proxy just refused: it is dropped, unless somebody already got another
   * @returns a context at once when a certificate is fresh
   */
  context(refused?: DialContext): DialContext | Promise<DialContext> {
    if (this.#question !== undefined) return this.#question
    if (refused !== undefined && refused === this.#current) this.#current = undefined
    if (this.#current !== undefined && this.isFresh()) return this.#current
    this.#question = this.#ask(refused?.credentials?.cert).finally(() => (this.#question = undefined))
    return this.#question
  }

  /** Whether {@link context} answers at once. */
  isFresh(): boolean {
    const { credentials } = this.#current ?? {}
    return credentials !== undefined && credentials.notAfter - MARGIN_MS > this.#options.now()
  }

  /** Drops the certificate and its tickets; open connections live on. */
  forget(): void {
    this.#current = undefined
  }

  async #ask(refused: string | undefined): Promise<DialContext> {
    this.#current = this.#options.open(await this.#options.ask(refused))
    return this.#current
  }
}
