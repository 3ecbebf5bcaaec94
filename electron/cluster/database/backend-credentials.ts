import { createSecureContext, type SecureContext } from 'node:tls'
import { commonNameOnly, createCsr, newKeyPair, privateKeyPem } from '../../wire/x509.ts'
import type { Auth } from '../auth/auth.ts'
import { FreshCache, type Perishable } from './fresh-cache.ts'

/** Lifetime of the agent's certificate for one account, and how early another is asked for. */
const TTL_MS = 3_600_000
const EARLY_MS = 10 * 60_000
const KEPT = 500

/**
 * GenerateDatabaseCert: the client certificates with which the agent logs in to databases, CN = account. They stay in this process,
 * so one serves every session of its account while it is fresh. (PostgreSQL gives no session tickets: each connection is a full handshake.)
 * wire/database.md 9.1
 */
export class BackendCredentialCache {
  readonly #auth: Pick<Auth, 'generateDatabaseCert'>
  readonly #now: () => number
  readonly #cache: FreshCache<SecureContext>
  #key: ReturnType<typeof newKeyPair> | undefined

  constructor(auth: Pick<Auth, 'generateDatabaseCert'>, now: () => number) {
    this.#auth = auth
    this.#now = now
    this.#cache = new FreshCache(KEPT, now)
  }

  /** @param extraCa PEM of the resource's own CA, trusted beside the cluster's */
  get(account: string, extraCa: string | undefined): Promise<SecureContext> {
    return this.#cache.get(JSON.stringify([account, extraCa ?? '']), () => this.#issue(account, extraCa))
  }

  async #issue(account: string, extraCa: string | undefined): Promise<Perishable<SecureContext>> {
    const until = this.#now() + TTL_MS - EARLY_MS
    const keys = await (this.#key ??= newKeyPair('ecdsa-p256'))
    const { cert, caCerts } = await this.#auth.generateDatabaseCert(createCsr(commonNameOnly(account), keys), TTL_MS)
    const value = createSecureContext({
      key: privateKeyPem(keys.privateKey),
      cert,
      ca: extraCa === undefined ? [...caCerts] : [...caCerts, extraCa],
      minVersion: 'TLSv1.2',
    })
    return { value, until }
  }
}
