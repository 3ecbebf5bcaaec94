import { createSecureContext, type SecureContext } from 'node:tls'
import { commonNameOnly, createCsr, newKeyPair, privateKeyPem } from '../../wire/x509.ts'
import type { Auth } from '../auth/auth.ts'

interface Entry {
  readonly context: Promise<SecureContext>
  readonly renewAt: number
}

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
  readonly #entries = new Map<string, Entry>()
  #key: ReturnType<typeof newKeyPair> | undefined

  constructor(auth: Pick<Auth, 'generateDatabaseCert'>, now: () => number) {
    this.#auth = auth
    this.#now = now
  }

  /** @param extraCa PEM of the resource's own CA, trusted beside the cluster's */
  get(account: string, extraCa: string | undefined): Promise<SecureContext> {
    const name = JSON.stringify([account, extraCa ?? ''])
    const known = this.#entries.get(name)
    if (known !== undefined && this.#now() < known.renewAt) return known.context
    const entry = { context: this.#issue(account, extraCa), renewAt: this.#now() + TTL_MS - EARLY_MS }
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    if (this.#entries.size > KEPT) this.#entries.delete(this.#entries.keys().next().value!)
    entry.context.catch(() => {
      if (this.#entries.get(name) === entry) this.#entries.delete(name)
    })
    return entry.context
  }

  async #issue(account: string, extraCa: string | undefined): Promise<SecureContext> {
    const keys = await (this.#key ??= newKeyPair('ecdsa-p256'))
    const { cert, caCerts } = await this.#auth.generateDatabaseCert(createCsr(commonNameOnly(account), keys), TTL_MS)
    return createSecureContext({
      key: privateKeyPem(keys.privateKey),
      cert,
      ca: extraCa === undefined ? [...caCerts] : [...caCerts, extraCa],
      minVersion: 'TLSv1.2',
    })
  }
}
