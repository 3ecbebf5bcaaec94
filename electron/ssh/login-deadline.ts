/** Counts only the time that we wait for the peer: a person who is asked about a host key may think. */
export class LoginDeadline {
  readonly #onPassed: () => void
  #left: number
  #since = 0
  #timer: NodeJS.Timeout | undefined
  #over = false

  /** @param ms time for everything together */
  constructor(ms: number, onPassed: () => void) {
    this.#left = ms
    this.#onPassed = onPassed
    this.#run()
  }

  /** Stands still while our own side decides. */
  async without<Value>(decide: () => Value | Promise<Value>): Promise<Value> {
    this.#stop()
    try {
      return await decide()
    } finally {
      if (!this.#over) this.#run()
    }
  }

  /** Signed in, or failed. */
  end(): void {
    this.#over = true
    this.#stop()
  }

  #stop(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#left -= performance.now() - this.#since
  }

  #run(): void {
    this.#since = performance.now()
    this.#timer = setTimeout(this.#onPassed, Math.max(0, this.#left))
  }
}
