/** Something, and until when it may be used; ms since 1970. */
export interface Perishable<T> {
  readonly value: T
  readonly until: number
}

/**
 * What takes a while to get, by name: asked for once while it is fresh, also by several at the same time. What failed is forgotten at
 * once; of too many, the one used least recently goes first.
 */
export class FreshCache<T> {
  readonly #entries = new Map<string, Promise<Perishable<T>>>()
  readonly #most: number
  readonly #now: () => number

  constructor(most: number, now: () => number) {
    this.#most = most
    this.#now = now
  }

  async get(name: string, make: () => Promise<Perishable<T>>): Promise<T> {
    for (let known = this.#entries.get(name); known !== undefined; known = this.#entries.get(name)) {
      const { value, until } = await known
      const isKept = this.#entries.get(name) === known
      if (this.#now() < until) {
        if (isKept) this.#keep(name, known)
        return value
      }
      if (isKept) break
    }
    const made = make()
    this.#keep(name, made)
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value!)
    made.catch(() => {
      if (this.#entries.get(name) === made) this.#entries.delete(name)
    })
    return (await made).value
  }

  /** Whoever waits for one of these gets it all the same; nobody after that. */
  forget(fits: (name: string) => boolean): void {
    for (const name of this.#entries.keys()) if (fits(name)) this.#entries.delete(name)
  }

  /** As the one used last. */
  #keep(name: string, entry: Promise<Perishable<T>>): void {
    this.#entries.delete(name)
    this.#entries.set(name, entry)
  }
}
