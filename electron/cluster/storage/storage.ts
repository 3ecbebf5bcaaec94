/**
 * Where a cluster keeps its state: CAs, users, roles, one-use codes, registered servers. Asynchronous, with compare-and-swap,
 * so that several auth processes can serve one cluster later.
 * Keys are paths of plain segments: `cas/user`, `users/alice`, `otp-used/alice/123456`.
 */
export interface Item {
  readonly key: string
  /** JSON value. */
  readonly value: unknown
  /** Grows with every write of this key; opaque to callers. */
  readonly revision: string
  /** ms since 1970; absent = kept until deleted. An expired item is never returned. */
  readonly expires?: number
}

export type StorageEvent = { readonly type: 'put'; readonly item: Item } | { readonly type: 'delete'; readonly key: string }

export interface Storage {
  get(key: string): Promise<Item | undefined>
  /** Items whose key starts with `prefix`, ordered by key. */
  list(prefix: string): Promise<readonly Item[]>
  put(key: string, value: unknown, options?: { readonly expires?: number }): Promise<Item>
  /**
   * Writes only if the key is as the caller saw it: `revision` undefined = it must not exist.
   * @returns the new item, or undefined when somebody else was first
   */
  compareAndSwap(
    key: string,
    revision: string | undefined,
    value: unknown,
    options?: { readonly expires?: number },
  ): Promise<Item | undefined>
  delete(key: string): Promise<void>
  /** @returns its unsubscribe */
  watch(prefix: string, listener: (event: StorageEvent) => void): () => void
  close(): Promise<void>
}

/**
 * What is stored under them holds secrets (keys of authorities and hosts, users with the secrets of their codes, join tokens) or decides
 * who may do what (roles, trusted clusters). A storage that others can reach keeps such values sealed: nobody reads them there, and
 * nobody writes one who has not the key. Whoever stores such a value puts it here.
 */
export const SEALED_PREFIXES: readonly string[] = ['cas/', 'host-keys/', 'users/', 'tokens/', 'roles/', 'clusters/']
