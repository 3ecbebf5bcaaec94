/** What was worked out about certificates, by their bytes. The one used least recently goes first. */
export class Remembered<T> {
  readonly #kept = new Map<string, T>()
  readonly #most: number

  constructor(most = 1_000) {
    this.#most = most
  }

  /** @param make what it returns as undefined is not kept */
  get(der: Buffer, make: () => T | undefined): T | undefined {
    const key = der.toString('latin1')
    const known = this.#kept.get(key)
    const value = known ?? make()
    if (value === undefined) return undefined
    if (known !== undefined) this.#kept.delete(key)
    this.#kept.set(key, value)
    if (this.#kept.size > this.#most) this.#kept.delete(this.#kept.keys().next().value!)
    return value
  }
}
