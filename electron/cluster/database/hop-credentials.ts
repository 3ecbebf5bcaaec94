import { createHash } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { PorticoError } from '../../../shared/errors.ts'
import { decodeIdentity, encodeSubject, type Identity } from '../../wire/identity.ts'
import { createCsr, newKeyPair, privateKeyPem } from '../../wire/x509.ts'
import type { Auth } from '../auth/auth.ts'
import { FreshCache, type Perishable } from './fresh-cache.ts'

/** What the proxy shows an agent: who its client is, signed by the cluster's database CA. */
export interface HopCredentials {
  readonly context: SecureContext
  /** The last TLS session with each agent, by host name. A resumed handshake costs a tenth of a full one. */
  readonly sessions: Map<string, Buffer>
}

/** v13 signs for each connection (200 ms there). Roles are read at signing, so a change of them takes this long at most. */
const FRESH_MS = 5 * 60_000
/** Not used in the last seconds of a certificate's life. */
const MARGIN_MS = 60_000
/** Clients remembered. */
const KEPT = 1_000

const prefixOf = (user: string): string => `${JSON.stringify(user)} `

/** SignDatabaseCSR, asked once per client certificate and address while the answer is fresh. wire/database.md 3.4 */
export class HopCredentialCache {
  readonly #auth: Pick<Auth, 'signDatabaseCsr'>
  readonly #now: () => number
  readonly #cache: FreshCache<HopCredentials>
  #key: ReturnType<typeof newKeyPair> | undefined

  constructor(auth: Pick<Auth, 'signDatabaseCsr' | 'onUserChange'>, now: () => number) {
    this.#auth = auth
    this.#now = now
    this.#cache = new FreshCache(KEPT, now)
    // Who is removed loses databases at once. For as long as the auth service is open.
    auth.onUserChange(user => this.#cache.forget(name => name.startsWith(prefixOf(user))))
  }

  /** @param cluster where the agent is: its host authority is trusted */
  get(identity: Identity, peerCertificate: Uint8Array, clientIp: string, cluster: string): Promise<HopCredentials> {
    // A MySQL client may name others than its certificate does.
    const { Username = '', Database = '' } = identity.routeToDatabase ?? {}
    const certificate = createHash('sha256').update(peerCertificate).digest('base64')
    const name = prefixOf(identity.username) + JSON.stringify([certificate, clientIp, cluster, Username, Database])
    return this.#cache.get(name, () => this.#sign({ ...identity, loginIp: clientIp }, cluster))
  }

  async #sign(identity: Identity, cluster: string): Promise<Perishable<HopCredentials>> {
    const latest = this.#now() + FRESH_MS
    // One key for all: it never leaves this process, and what it proves is in the certificate.
    const keys = await (this.#key ??= newKeyPair('ecdsa-p256'))
    const csr = createCsr(encodeSubject(identity), keys)
    const { cert, caCerts } = await this.#auth.signDatabaseCsr(csr, cluster)
    try {
      const context = createSecureContext({ key: privateKeyPem(keys.privateKey), cert, ca: [...caCerts], minVersion: 'TLSv1.3' })
      return { value: { context, sessions: new Map() }, until: Math.min(latest, decodeIdentity(cert).notAfter - MARGIN_MS) }
    } catch (thrown) {
      throw new PorticoError('app/bug', { why: 'signed certificate cannot be used' }, thrown)
    }
  }
}
